// `node test/bench/run-ssh.mjs [--json]`: bundles the SSH bench, then measures against OpenSSH's client on the same sshd. About a minute.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { bundle } from '../kit/bundle.mjs'

const out = await bundle('bench-ssh', { ssh: 'test/bench/ssh.ts' })
const child = spawn(process.execPath, ['--expose-gc', join(out, 'ssh.mjs'), ...process.argv.slice(2)], { stdio: 'inherit' })
child.on('close', code => (process.exitCode = code ?? 1))
