import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { PorticoError } from '../../../shared/errors.ts'
import { findClient, type FoundClient } from '../../app/find-client.ts'
import { codeNeeded } from '../../app/code-needed.ts'
import { hostTunnel } from '../../app/host-tunnel.ts'
import { askCode } from '../ask-code.ts'
import type { Run } from '../run.ts'
import { withSession } from '../session.ts'

interface Options {
  readonly dbUser?: string
  readonly dbName?: string
}

const DRAIN_MS = 1_000

/** A tunnel and the database's own client on it; both end together, with the client's exit code. */
export function dbConnect(run: Run, [name = '', ...more]: readonly string[], { dbUser, dbName }: Options): Promise<number> {
  return withSession(run, async session => {
    const {
      lifetime: { signal },
      place: { workerFile },
      globals: { cluster },
    } = run
    let clientRuns = false
    const hosted = await hostTunnel({
      ...session,
      workerFile,
      signal,
      name,
      cluster,
      mode: 'authenticated',
      port: 0,
      socket: null,
      databaseUser: dbUser,
      databaseName: dbName,
      // Later the terminal is the client's.
      askCode: async (question, stopped) => {
        if (clientRuns) throw codeNeeded(question.route.name, `portico db connect ${question.route.name}`)
        return askCode(run, question, stopped)
      },
      onCredentials() {},
      onEngineEvent() {},
      onLost() {},
    })
    try {
      const client = await findClient(session.context, hosted.tunnel, [...more, ...run.rest])
      await hosted.certificate()
      signal.throwIfAborted()
      clientRuns = true
      return await runClient(run, client)
    } finally {
      await hosted.close(DRAIN_MS)
    }
  })
}

function runClient({ lifetime }: Run, { program, args, env }: FoundClient): Promise<number> {
  const { signal } = lifetime
  return new Promise((resolve, reject) => {
    const takeBack = lifetime.leaveInterruptToClient()
    const child = spawn(program, args, { stdio: 'inherit', env })
    const end = (): void => void child.kill('SIGTERM')
    signal.addEventListener('abort', end, { once: true })
    const done = (): void => {
      takeBack()
      signal.removeEventListener('abort', end)
    }
    child.once('error', error => {
      done()
      reject(new PorticoError('tool/not-found', { tool: program, next: 'check that it may be run' }, error))
    })
    child.once('exit', (code, name) => {
      done()
      resolve(code ?? 128 + (name === null ? 0 : constants.signals[name]))
    })
  })
}
