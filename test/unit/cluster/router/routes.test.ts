import { describe, expect, it } from 'vitest'
import { ALPN, authAlpn, PING_SUFFIX } from '../../../../shared/protocols.ts'
import { encodeClusterSni } from '../../../../electron/wire/cluster-name.ts'
import type { HandlerName } from '../../../../electron/cluster/router/route.ts'
import { chooseRoute, ROUTES, SERVER_ALPN_ACME, SERVER_ALPN } from '../../../../electron/cluster/router/routes.ts'

const AUTH = authAlpn(encodeClusterSni('root.example'))
const MYSQL_VERSION = `${ALPN.mysql}-OC4wLjEy`
const ALL = (): boolean => true
const choose = (alpn: readonly string[], sni?: string, isServed: (handler: HandlerName) => boolean = ALL): string => {
  const choice = chooseRoute({ alpn, ...(sni === undefined ? {} : { sni }) }, isServed)
  if (choice.state === 'refused') return choice.why
  return `${choice.row.handler} ${choice.row.tls}${choice.authCluster === undefined ? '' : ` ${choice.authCluster}`}`
}

describe('the routing table', () => {
  it('reads like this', () => {
    expect(ROUTES.map(row => `${JSON.stringify(row.match)} ${row.tls} ${row.handler}`)).toMatchInlineSnapshot(`
      [
        "{"sniPrefix":"kube-teleport-proxy-alpn."} host-kube kube",
        "{"sniPrefix":"kube."} host-kube kube",
        "{"alpn":["teleport-mongodb","teleport-oracle","teleport-redis","teleport-sqlserver","teleport-snowflake","teleport-cassandra","teleport-elasticsearch","teleport-opensearch","teleport-dynamodb","teleport-clickhouse","teleport-spanner","teleport-mongodb-ping","teleport-oracle-ping","teleport-redis-ping","teleport-sqlserver-ping","teleport-snowflake-ping","teleport-cassandra-ping","teleport-elasticsearch-ping","teleport-opensearch-ping","teleport-dynamodb-ping","teleport-clickhouse-ping","teleport-spanner-ping"]} web+host database",
        "{"alpn":["teleport-reversetunnel","teleport-reverse-tunnel"]} web reverse-tunnel",
        "{"alpn":["http/1.1","h2","acme-tls/1"]} web web",
        "{"alpn":["teleport-proxy-grpc"]} web join",
        "{"alpn":["teleport-proxy-grpc-mtls"]} host-mtls kube-grpc",
        "{"alpn":["teleport-proxy-ssh"]} host ssh",
        "{"alpn":["teleport-proxy-ssh-grpc"]} host-h2 ssh-grpc",
        "{"alpn":["teleport-tcp","teleport-tcp-ping"]} web tcp",
        "{"alpnPrefix":"teleport-mysql"} web mysql",
        "{"alpn":["teleport-postgres","teleport-postgres-ping"]} web postgres",
        "{"alpnPrefix":"teleport-auth@"} forward auth",
      ]
    `)
  })

  it('has a row for every name that is negotiated', () => {
    expect(SERVER_ALPN_ACME.filter(name => choose([name]) === 'unknown ALPN')).toEqual([])
  })

  it('negotiates in the order of Teleport, newer names and the spelling of RFD 39 at their places', () => {
    const plain = [
      'postgres',
      'mysql',
      'mongodb',
      'oracle',
      'redis',
      'sqlserver',
      'snowflake',
      'cassandra',
      'elasticsearch',
      'opensearch',
      'dynamodb',
      'clickhouse',
      'spanner',
    ]
    const middle = ['proxy-ssh', 'reversetunnel', 'reverse-tunnel', 'auth@', 'tcp', 'proxy-ssh-grpc', 'proxy-grpc', 'proxy-grpc-mtls']
    const teleport = (names: readonly string[]): readonly string[] => names.map(name => `teleport-${name}`)
    const rest = teleport([...middle, ...plain])
    const pings = teleport(['tcp', ...plain]).map(name => `${name}-ping`)
    expect(SERVER_ALPN).toEqual([...pings, 'http/1.1', 'h2', ...rest])
    expect(SERVER_ALPN_ACME).toEqual(['http/1.1', 'h2', 'acme-tls/1', ...pings, ...rest])
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
    [[ALPN.mysql], 'mysql web'],
    [[ALPN.mysql + PING_SUFFIX], 'mysql web'],
    [[MYSQL_VERSION], 'mysql web'],
    [[`${ALPN.mysql}xyz`, 'http/1.1'], 'mysql web'],
    [[ALPN.acme], 'web web'],
    [[ALPN.reverseTunnel], 'reverse-tunnel web'],
    [[ALPN.reverseTunnelRfd], 'reverse-tunnel web'],
    [[ALPN.reverseTunnelV2], 'unknown ALPN'],
    [[ALPN.reverseTunnelV2, ALPN.reverseTunnel], 'reverse-tunnel web'],
    [[ALPN.reverseTunnel, 'h2'], 'reverse-tunnel web'],
    [[ALPN.proxySsh], 'ssh host'],
    [[ALPN.proxySsh + PING_SUFFIX], 'unknown ALPN'],
    [[ALPN.proxySshGrpc, 'h2'], 'ssh-grpc host-h2'],
    [['h2', ALPN.proxySshGrpc], 'web web'],
    [[ALPN.proxyGrpc, 'h2'], 'join web'],
    [[ALPN.proxyGrpcMtls, 'h2'], 'kube-grpc host-mtls'],
    [[ALPN.tcp + PING_SUFFIX, ALPN.tcp], 'tcp web'],
    [[ALPN.redis], 'database web+host'],
    [[ALPN.spanner + PING_SUFFIX], 'database web+host'],
    [[AUTH], 'auth forward root.example'],
    [[AUTH, 'h2'], 'auth forward root.example'],
    [[AUTH.replace('726f6f74', '726F6F74'), 'h2'], 'auth forward root.example'],
    [[authAlpn(encodeClusterSni('leaf.example')), 'h2'], 'auth forward leaf.example'],
    [['h2', AUTH], 'web web'],
    [['nonsense', AUTH, 'h2'], 'unknown auth cluster'],
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
    ['kube-teleport-proxy-alpn.localhost', 'kube host-kube'],
    ['kube.localhost', 'kube host-kube'],
    ['kubernetes.localhost', 'web web'],
    ['kubeapp.localhost', 'web web'],
    ['KUBE.localhost', 'web web'],
    ['kube', 'web web'],
  ])('%s leads to: %s', (sni, expected) => expect(choose(['h2'], sni)).toBe(expected))

  it('wins over ALPN', () => expect(choose([AUTH], 'kube.x')).toBe('kube host-kube'))
})

describe('a name whose handler is missing', () => {
  const served =
    (...names: readonly HandlerName[]) =>
    (handler: HandlerName) =>
      names.includes(handler)

  it('is unknown, and the next one counts', () => {
    expect(choose([ALPN.reverseTunnel], undefined, served('web'))).toBe('unknown ALPN')
    expect(choose([ALPN.reverseTunnel, 'h2'], undefined, served('web'))).toBe('web web')
  })

  it('leads a kube client nowhere, not to the web API', () => {
    expect(choose(['h2'], 'kube.localhost', served('web'))).toBe('kube is off')
  })
})
