import { describe, expect, it } from 'vitest'
import { ALPN, authAlpn, PING_SUFFIX } from '../../../../shared/protocols.ts'
import { encodeClusterSni } from '../../../../electron/wire/cluster-name.ts'
import { chooseRoute, ROUTES, SERVER_ALPN } from '../../../../electron/cluster/router/routes.ts'

const AUTH = authAlpn(encodeClusterSni('root.example'))
const choose = (alpn: readonly string[], sni?: string): string => {
  const choice = chooseRoute({ alpn, ...(sni === undefined ? {} : { sni }) }, 'root.example')
  return choice.state === 'route' ? `${choice.row.handler} ${choice.row.tls}` : choice.why
}

describe('the routing table', () => {
  it('reads like this', () => {
    expect(ROUTES.map(row => `${JSON.stringify(row.match)} ${row.tls} ${row.handler}`)).toMatchInlineSnapshot(`
      [
        "{"alpn":["http/1.1","h2"]} web web",
        "{"alpn":["teleport-postgres","teleport-postgres-ping"]} web postgres",
        "{"alpnPrefix":"teleport-auth@"} forward auth",
      ]
    `)
  })

  it('negotiates only names that lead to a handler here', () => {
    expect(SERVER_ALPN.map(name => choose([name]))).toEqual(['postgres web', 'web web', 'web web', 'postgres web'])
  })
})

describe('the client order', () => {
  it.each([
    [[], 'web web'],
    [['http/1.1'], 'web web'],
    [['h2', 'http/1.1'], 'web web'],
    [[ALPN.postgres], 'postgres web'],
    [[ALPN.postgres + PING_SUFFIX, ALPN.postgres], 'postgres web'],
    [[ALPN.postgres, 'http/1.1'], 'postgres web'],
    [['http/1.1', ALPN.postgres], 'web web'],
    [['no-such-name', ALPN.postgres], 'postgres web'],
    [['no-such-name', 'nor-this'], 'unknown ALPN'],
    [['HTTP/1.1'], 'unknown ALPN'],
    [['Teleport-Postgres'], 'unknown ALPN'],
    [[ALPN.http11 + PING_SUFFIX], 'unknown ALPN'],
    [[ALPN.mysql], 'unknown ALPN'],
    [[ALPN.acme], 'unknown ALPN'],
    [[AUTH], 'auth forward'],
    [[AUTH, 'h2'], 'auth forward'],
    [[AUTH.replace('726f6f74', '726F6F74'), 'h2'], 'auth forward'],
    [['h2', AUTH], 'web web'],
    [['nonsense', AUTH, 'h2'], 'unknown auth cluster'],
    [[authAlpn(encodeClusterSni('leaf.example')), 'h2'], 'unknown auth cluster'],
    [[authAlpn('teleport.cluster.local'), 'h2'], 'unknown auth cluster'],
    [[authAlpn('726f6f742e6578616d706c65'), 'h2'], 'unknown auth cluster'],
    [[authAlpn('root.example'), 'h2'], 'unknown auth cluster'],
    [[authAlpn('zz.teleport.cluster.local'), 'h2'], 'unknown auth cluster'],
    [[ALPN.auth, 'h2'], 'unknown auth cluster'],
  ])('%j leads to: %s', (alpn, expected) => expect(choose(alpn)).toBe(expected))
})

describe('SNI', () => {
  it.each([
    ['localhost', 'web web'],
    ['kube-teleport-proxy-alpn.localhost', 'kube is off'],
    ['kube.localhost', 'kube is off'],
    ['kubernetes.localhost', 'web web'],
    ['kubeapp.localhost', 'web web'],
    ['KUBE.localhost', 'web web'],
    ['kube', 'web web'],
  ])('%s leads to: %s', (sni, expected) => expect(choose(['h2'], sni)).toBe(expected))

  it('wins over ALPN where a row asks for it', () => {
    const routes = [...ROUTES, { match: { sniPrefix: 'kube.' }, tls: 'forward', handler: 'auth' } as const]
    expect(chooseRoute({ sni: 'kube.x', alpn: [AUTH] }, 'root.example', routes)).toMatchObject({ row: { match: { sniPrefix: 'kube.' } } })
  })
})
