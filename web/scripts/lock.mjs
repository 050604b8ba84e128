// Takes the addresses of the registry out of the lock file; versions and integrity hashes stay, so what is installed is the same.
import { readFileSync, writeFileSync } from 'node:fs'

const path = new URL('../package-lock.json', import.meta.url)
const lock = JSON.parse(readFileSync(path, 'utf8'))
for (const entry of Object.values(lock.packages)) delete entry.resolved
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`)
