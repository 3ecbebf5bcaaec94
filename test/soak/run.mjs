// `npm run soak [-- --hours N]`: the tests that only time can fail, long: steady load over renewed logins for 5 minutes (or N hours), a
// connection idle for 10 minutes, and 1 GB each way. Without --hours it ends by itself in about 13 minutes. `npm run build` first.
import { spawn } from 'node:child_process'
import { ROOT } from '../kit/bundle.mjs'
import { VITEST } from '../../electron/build/suites.mjs'

const at = process.argv.indexOf('--hours')
const hours = at < 0 ? undefined : Number(process.argv[at + 1])
if (hours !== undefined && !(hours > 0)) {
  console.error('--hours needs a number of hours, such as 24')
  process.exit(2)
}
const files = ['long-life', 'copy'].map(name => `test/integration/clients/${name}.test.ts`)
const env = {
  ...process.env,
  PORTICO_SOAK_LOAD_S: String(hours === undefined ? 300 : hours * 3_600),
  PORTICO_SOAK_IDLE_S: '600',
  PORTICO_SOAK_COPY_MB: '1024',
}
const args = [VITEST, 'run', '--config', 'test/vitest.config.ts', '--no-file-parallelism', ...files]
const child = spawn(process.execPath, args, { cwd: ROOT, env, stdio: 'inherit' })
child.once('close', code => (process.exitCode = code ?? 1))
