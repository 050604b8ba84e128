import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

/** Writes `<asset>.br` and `<asset>.gz` beside each text asset, so that the server sends bytes and compresses nothing. */
function precompress(): Plugin {
  const text = /\.(js|css|html|svg|json|txt|webmanifest)$/
  const walk = (dir: string): string[] =>
    readdirSync(dir).flatMap(name => {
      const path = join(dir, name)
      return statSync(path).isDirectory() ? walk(path) : [path]
    })
  return {
    name: 'precompress',
    apply: 'build',
    closeBundle() {
      for (const path of walk(resolve(import.meta.dirname, 'dist'))) {
        if (!text.test(path)) continue
        const bytes = readFileSync(path)
        if (bytes.length < 512) continue
        const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length }
        writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params }))
        writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }))
      }
    },
  }
}

export default defineConfig(async ({ mode }) => {
  const plugins: Plugin[] = [...(react() as unknown as Plugin[]), precompress()]
  // Made-up data for looking at pages without a server; never part of a build.
  if (mode === 'mock') plugins.push((await import('./mock/plugin.ts')).mockApi())
  return {
    plugins,
    resolve: { alias: { '~': resolve(import.meta.dirname, 'src') } },
    build: {
      outDir: 'dist',
      emptyOutDir: true,
      sourcemap: false,
      target: 'es2022',
      manifest: 'manifest.json',
      // A data: URL would need a hole in the content security policy.
      assetsInlineLimit: 0,
      chunkSizeWarningLimit: 700,
    },
    server: {
      port: 5173,
      proxy: mode === 'mock' ? undefined : { '/api': process.env.INTERLOCK_URL ?? 'http://127.0.0.1:8080' },
    },
    preview: { port: 4173 },
    test: { include: ['src/**/*.test.ts'], environment: 'node' },
  }
})
