// `npm start` without a window: lab, sign-in, one tunnel, and the line to paste. Stays until Ctrl-C.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { inRoot } from './root.mjs'

const CLI = inRoot('out/cli/portico.mjs')

/**
 * @param {string[]} why lines that say why there is no window
 * @returns {Promise<number>} exit code
 */
export async function runHeadless(why) {
  console.log(`No window: ${why[0]}`)
  for (const line of why.slice(1)) console.log(`  ${line}`)
  console.log('Going on without one.\n')
  const children = []
  let stopping = false
  const stop = () => {
    stopping = true
    for (const child of children.toReversed()) child.kill('SIGTERM')
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop)
  const stay = args => {
    const child = portico(args)
    children.push(child)
    return child
  }
  try {
    const lab = stay(['lab', '--json'])
    const ready = await firstEvent(lab, 'ready')
    console.log(`Lab      ${ready.proxy} (cluster ${ready.cluster}): ${ready.databases.join(', ')}`)
    const signedIn = await document(
      ['login', '--proxy', ready.proxy, '--user', ready.user, '--ca-file', ready.caFile, '--password-stdin', '--json'],
      `${ready.password}\n`,
    )
    console.log(`Signed in as ${signedIn.user}, until ${new Date(signedIn.validUntil).toLocaleTimeString()}`)
    const tunnel = stay(['proxy', 'db', 'orders', '--proxy', ready.proxy, '--json'])
    const open = await firstEvent(tunnel, 'open')
    console.log(`Open     orders at ${open.addresses.join(' and ')}\n`)
    console.log(instructions(open))
    await Promise.race(children.map(child => once(child, 'exit')))
    if (!stopping) throw new Error('the lab or the tunnel ended')
    return 0
  } catch (thrown) {
    if (stopping) return 0
    console.error(`\nportico: ${thrown.message}`)
    return 1
  } finally {
    stop()
    await Promise.all(children.map(child => child.exitCode ?? child.signalCode ?? once(child, 'exit')))
    if (stopping) console.log('Stopped.')
  }
}

function instructions({ command, url, jdbc, address }) {
  return [
    'In another terminal:',
    `  ${command}`,
    'For DBeaver and others:',
    `  ${jdbc ?? url}`,
    `  host localhost, port ${address.port}, no password needed`,
    '',
    `More:  ${process.platform === 'win32' ? '' : `PORTICO_HOME='${process.env.PORTICO_HOME}' `}npm run -s portico -- --help`,
    'Stop:  Ctrl-C',
  ].join('\n')
}

function portico(args, input) {
  const child = spawn(process.execPath, [CLI, ...args], { stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'inherit'] })
  child.on('error', thrown => console.error(`portico: ${thrown.message}`))
  if (input !== undefined) child.stdin.on('error', () => {}).end(input) // its exit code says what went wrong
  return child
}

/** The first line `{event: name}` of a command that stays. @throws {Error} with its own words when it ends before */
function firstEvent(child, name) {
  return new Promise((resolve, reject) => {
    let failure
    const lines = createInterface({ input: child.stdout })
    lines.on('line', line => {
      const said = parse(line)
      if (said?.event === name) resolve(said)
      if (said?.error) failure = said.error
    })
    child.once('exit', code => reject(new Error(words(failure) ?? `${child.spawnargs.slice(2, 4).join(' ')} ended with code ${code}`)))
  })
}

async function document(args, input) {
  const child = portico(args, input)
  const ended = once(child, 'close')
  let text = ''
  for await (const chunk of child.stdout.setEncoding('utf8')) text += chunk
  const [code] = await ended
  const said = parse(text.trim().split('\n').at(-1) ?? '') ?? parse(text)
  if (code !== 0) throw new Error(words(said?.error) ?? `${args[0]} ended with code ${code}`)
  return said
}

const words = error => error && [error.message, error.hint && `Try: ${error.hint}`].filter(Boolean).join('\n')
function parse(line) {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
