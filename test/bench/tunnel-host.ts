import { openEngine } from '../../electron/engine/open-engine.ts'
import type { Credentials } from '../../electron/engine/engine.ts'
import { NO_LOG } from '../../electron/log/log.ts'

/** Child process: an engine with one tunnel, as the command hosts it. Told what to open by its parent. */
process.once(
  'message',
  async ({
    port,
    webRoot,
    database,
    servername = 'proxy.test',
    dbProtocol = 'postgres',
  }: {
    port: number
    webRoot: string
    database: Credentials
    servername?: string
    dbProtocol?: string
  }) => {
    const engine = await openEngine({
      threads: 1,
      workerFile: new URL('./worker.mjs', import.meta.url),
      log: NO_LOG,
      credentials: { credentials: async () => database },
    })
    engine.onEvent(event => {
      if (event.type === 'connection' && event.state === 'failed') console.error(JSON.stringify(event))
    })
    const listening = await engine.start({
      id: 'bench',
      dbProtocol,
      mode: 'authenticated',
      listen: { hosts: ['127.0.0.1'], port: 0, socket: null },
      upstream: { proxy: { host: '127.0.0.1', port }, servername, roots: [webRoot], certificate: null },
      holdMs: 10_000,
    })
    process.send!({ port: listening.port })
  },
)
process.once('disconnect', () => process.exit(0))
