import { resolve } from 'node:path'
import { parseAddress, type Address } from '../../../shared/address.ts'
import { PorticoError } from '../../../shared/errors.ts'
import { shellLine } from '../../app/addresses.ts'
import { END_WITH_STDIN } from '../../app/start-lab.ts'
import { databaseUri } from '../../cluster/database/database-resource.ts'
import { resetLab, startLab, type Lab, type StartLabOptions } from '../../cluster/lab/start-lab.ts'
import { parseDuration } from '../duration.ts'
import { commandLog, homeOf } from '../open-context.ts'
import type { Run } from '../run.ts'
import { table } from '../table.ts'

interface Options {
  readonly home?: string
  readonly listen?: string
  readonly secondFactor?: string
  readonly certTtl?: string
  readonly ephemeral?: boolean
  readonly full?: boolean
  readonly mongo?: string
}

const DRAIN_MS = 5_000

/** The seeded cluster, in the foreground until a signal. */
export async function lab(run: Run, _args: readonly string[], options: Options): Promise<void> {
  const { say, lifetime } = run
  const wanted = readOptions(options)
  const running = await startLab({
    home: labHome(run, options),
    ...wanted,
    log: await commandLog(run),
    signal: lifetime.signal,
    onProgress: step => say.hint(step),
  })
  const { proxy, cluster, caFile, users, user, password, databases, nodes, kubeClusters, apps, leaves } = running
  if (say.json) say.value({ event: 'ready', proxy, cluster, caFile, users, user, password, databases, nodes, kubeClusters, apps, leaves })
  else tellReady(run, running)
  lifetime.ready()
  await ending(run)
  await running.close(DRAIN_MS)
  if (say.json) say.value({ event: 'closed' })
}

/** Resolves when the end was asked for. A database that stops does not end the lab: who connects is told. */
function ending({ lifetime: { signal }, env }: Run): Promise<void> {
  return new Promise(done => {
    if (signal.aborted) return done()
    signal.addEventListener('abort', () => done(), { once: true })
    // An app that was killed takes its lab along.
    if (env[END_WITH_STDIN] === '1')
      process.stdin
        .on('error', () => done())
        .on('end', () => done())
        .resume()
  })
}

function tellReady({ say }: Run, { proxy, caFile, user, users, databases, leaves }: Lab): void {
  say.text(
    `The lab is ready at ${proxy}: databases ${databases.join(', ')}.`,
    ...leaves.map(leaf => `Its leaf cluster ${leaf} has databases too: portico db ls --cluster ${leaf}`),
    ...table(
      ['USER', 'PASSWORD', 'ONE-TIME SECRET', 'ROLES'],
      users.map(({ name, password, otpSecret, roles }) => [name, password, otpSecret ?? '-', roles.join(', ')]),
    ),
  )
  say.hint(
    `Next, in another shell: ${shellLine(['portico', 'login', '--proxy', proxy, '--user', user, '--ca-file', caFile])}`,
    'Ctrl-C ends it.',
  )
}

function readOptions({
  listen,
  secondFactor = 'off',
  certTtl,
  ephemeral = false,
  full = false,
  mongo,
}: Options): Pick<StartLabOptions, 'listen' | 'secondFactor' | 'certTtlMs' | 'ephemeral' | 'full' | 'mongo'> {
  if (secondFactor !== 'off' && secondFactor !== 'otp')
    throw new PorticoError('usage/invalid', { why: `--second-factor takes off or otp, not "${secondFactor}"` })
  if (mongo !== undefined && databaseUri('mongodb', mongo) === undefined)
    throw new PorticoError('usage/invalid', { why: `--mongo takes HOST:PORT or a mongodb:// URI, not "${mongo}"` })
  return {
    ephemeral,
    full,
    mongo,
    secondFactor,
    ...(listen === undefined ? {} : { listen: readListen(listen) }),
    ...(certTtl === undefined ? {} : { certTtlMs: parseDuration(certTtl, '--cert-ttl') }),
  }
}

/** Port 0 is one here: any. */
function readListen(text: string): Address {
  const any = /^(.*):0$/.exec(text)
  const address = any === null ? parseAddress(text, 0) : parseAddress(`${any[1]!}:1`, 1)
  if (address === undefined) throw new PorticoError('usage/invalid', { why: `--listen takes HOST:PORT, not "${text}"` })
  return any === null ? address : { ...address, port: 0 }
}

const labHome = (run: Run, { home }: Options): string => (home === undefined ? homeOf(run).lab : resolve(home))

export async function labReset(run: Run, _args: readonly string[], options: Options): Promise<void> {
  const home = labHome(run, options)
  await resetLab(home)
  if (run.say.json) return run.say.value({ reset: home })
  run.say.text(`The lab in ${home} is gone; the next one starts anew.`)
}
