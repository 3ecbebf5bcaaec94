import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Portico, type Staying } from './portico.ts'
import { LAB_NAMES } from '../../kit/lab-databases.ts'

const exec = promisify(execFile)
const hasPsql = spawnSync('psql', ['--version']).status === 0

const portico = new Portico('portico-leaf-')
let lab: Staying
let ready: any

/** The leaf asks to be taken in while the root starts. */
async function joined(): Promise<void> {
  for (const end = Date.now() + 15_000; Date.now() < end; await new Promise(resolve => setTimeout(resolve, 200))) {
    const { clusters } = (await portico.run(['clusters', 'ls', '--json'])).json()
    if (clusters.length === 2 && clusters.every((one: any) => one.status === 'online')) return
  }
  throw new Error('the leaf did not come')
}

beforeAll(async () => {
  lab = portico.stay(['lab', '--full', '--listen', '127.0.0.1:0', '--json'])
  ready = await lab.line(line => line.event === 'ready')
  await portico.run(['login', '--proxy', ready.proxy, '--user', 'alice', '--ca-file', ready.caFile, '--password-stdin'], {
    input: `${ready.password}\n`,
  })
  await joined()
}, 120_000)

afterAll(async () => {
  expect(await lab.end()).toBe(0)
  portico.remove()
}, 30_000)

describe('a leaf cluster on the command line', () => {
  it('is named by the full lab', () => {
    expect(ready.leaves).toEqual(['branch'])
  })

  it('is listed after the root', async () => {
    expect((await portico.run(['clusters', 'ls', '--json'])).json()).toEqual({
      clusters: [
        { name: 'lab', status: 'online', root: true },
        { name: 'branch', status: 'online', root: false },
      ],
    })
    expect((await portico.run(['clusters', 'ls'])).out.split('\n').slice(0, 3)).toEqual([
      expect.stringMatching(/^CLUSTER +STATUS +TYPE$/),
      expect.stringMatching(/^lab +online +root$/),
      expect.stringMatching(/^branch +online +leaf$/),
    ])
  })

  it('lists its databases when it is named, and the root its own without', async () => {
    const names = async (...flags: string[]): Promise<string[]> =>
      (await portico.run(['db', 'ls', '--json', ...flags])).json().databases.map((one: any) => `${one.cluster}/${one.name}`)
    expect(await names('--cluster', 'branch')).toEqual(['branch/tickets'])
    expect(await names()).toEqual(LAB_NAMES.map(name => `lab/${name}`))
  })

  it('that nobody knows is told so', async () => {
    const end = await portico.run(['db', 'ls', '--cluster', 'nosuch', '--json'])
    expect(end.code).toBe(4)
    expect(end.json().error).toMatchObject({ code: 'resource/not-found' })
  })

  it.runIf(hasPsql)('opens a tunnel to its database through the root', async () => {
    const proxy = portico.stay(['proxy', 'db', 'tickets', '--cluster', 'branch', '--db-user', 'alice', '--port', '0', '--json'])
    const { address } = await proxy.line(line => line.event === 'open')
    const { stdout } = await exec('psql', [
      `host=127.0.0.1 port=${address.port} user=alice dbname=shop`,
      '-X',
      '-Atc',
      'select current_user, count(*) from orders',
    ])
    expect(stdout).toBe('alice|120000\n')
    await proxy.end()
  })
})
