import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { postJson } from '../../../electron/cluster/joined/web-post.ts'
import { agentOf, removeFolders, TOKEN } from './agent-under-test.ts'
import { openUnderTest, type UnderTest } from './cluster-under-test.ts'

let under: UnderTest
let roots: readonly string[]

beforeAll(async () => {
  under = await openUnderTest({ auth: `  tokens: ["db:${TOKEN}"]\n`, proxy: '  public_addr: localhost\n' })
  roots = [readFileSync(under.cluster.caFile, 'utf8')]
})
afterAll(async () => {
  await under?.close()
  await removeFolders()
})

const post = (path: string): Promise<unknown> =>
  postJson({ host: 'localhost', port: under.cluster.address.port }, path, { hostID: 'h', role: 'Db', token: 'guessed' }, { roots }).catch(
    ({ code, facts }) => `${code} ${facts.status} ${facts.why}`,
  )

test('guesses at tokens are limited for one address; a service that knows one waits for its turn', async () => {
  const paths = ['/webapi/host/credentials', '/v1/webapi/trustedclusters/validate']
  const answers = await Promise.all(Array.from({ length: 70 }, (_, at) => post(paths[at % 2]!)))
  expect(answers.filter(answer => String(answer).startsWith('access/denied 403'))).toHaveLength(60)
  expect(new Set(answers.filter(answer => !String(answer).startsWith('access/denied 403')))).toEqual(
    new Set([expect.stringMatching(/^proxy\/unreachable 429 too many requests from [\d.:]+: wait 1 s, then try again$/)]),
  )
  const agent = await agentOf({ proxy: `localhost:${under.cluster.address.port}`, caFile: under.cluster.caFile }, [])
  expect(agent.clusterName).toBe('example')
  await agent.close()
}, 30_000)
