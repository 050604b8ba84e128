// What a first visit to Today downloads, compressed as the server sends it. Fails beyond the limit.
import { existsSync, readFileSync, statSync } from 'node:fs'

const limit = 300_000
const dist = new URL('../dist/', import.meta.url)
const manifest = JSON.parse(readFileSync(new URL('manifest.json', dist), 'utf8'))
const files = new Set(['index.html', 'scheme.js', 'favicon.svg'])
const visit = key => {
  const chunk = manifest[key]
  if (!chunk || files.has(chunk.file)) return
  files.add(chunk.file)
  for (const file of chunk.css ?? []) files.add(file)
  for (const file of chunk.assets ?? []) if (!/latin-ext/.test(file)) files.add(file)
  for (const key of chunk.imports ?? []) visit(key)
}
visit('index.html')
let total = 0
for (const file of [...files].sort()) {
  const path = new URL(file, dist)
  const packed = new URL(`${file}.br`, dist)
  const size = statSync(existsSync(packed) ? packed : path).size
  total += size
  if (size > 2000) console.log(String(size).padStart(8), file)
}
console.log(`initial load: ${(total / 1000).toFixed(1)} KB compressed, limit ${limit / 1000} KB`)
if (total > limit) process.exit(1)
