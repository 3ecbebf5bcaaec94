// `node test/bench/run-ssh.mjs [--json]`: bundles the SSH bench, then measures against OpenSSH's client on the same sshd. About a minute.
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { spawn } from 'node:child_process'

const root = fileURLToPath(new URL('../..', import.meta.url))
const out = join(root, 'node_modules/.cache/bench-ssh')
const { build } = await import('vite')
await build({
  configFile: false,
  root,
  logLevel: 'warn',
  publicDir: false,
  ssr: { noExternal: true, target: 'node' },
  build: {
    ssr: true,
    outDir: out,
    emptyOutDir: true,
    target: 'node20.18',
    minify: false,
    reportCompressedSize: false,
    rolldownOptions: {
      input: { ssh: join(root, 'test/bench/ssh.ts') },
      external: [/^node:/],
      platform: 'node',
      output: { format: 'es', entryFileNames: '[name].mjs' },
    },
  },
})
const child = spawn(process.execPath, ['--expose-gc', join(out, 'ssh.mjs'), ...process.argv.slice(2)], { stdio: 'inherit' })
child.on('close', code => (process.exitCode = code ?? 1))
