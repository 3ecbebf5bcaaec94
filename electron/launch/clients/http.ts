import { hostPort, option, query, type ClientTarget, type DatabaseClient } from '../client-target.ts'

export function httpUrl(target: ClientTarget, path = '/'): string {
  return `${target.tls === undefined ? 'http' : 'https'}://${hostPort(target)}${path}`
}

/** HTTP/2 does not go through the proxy for these. wire/database.md 6.4 */
function curlArgs(target: ClientTarget, url: string): readonly string[] {
  const { tls } = target
  if (tls === undefined) return [url]
  return ['--http1.1', '--key', tls.key, '--cert', tls.cert, ...option('--cacert', tls.ca ?? ''), url]
}

const curl = (urlOf: (target: ClientTarget, path?: string) => string, variable?: string): DatabaseClient => ({
  programs: ['curl'],
  install: { linux: 'curl', darwin: 'curl (Homebrew)', win32: 'cURL.cURL (winget)' },
  args: target => curlArgs(target, urlOf(target)),
  // `portico db connect logs -- /_cat/indices`
  start: (target, _program, rest) => {
    const [first] = rest
    if (first?.startsWith('/') !== true) return { args: [...curlArgs(target, urlOf(target)), ...rest] }
    return { args: [...curlArgs(target, urlOf(target, first)), ...rest.slice(1)] }
  },
  ...(variable === undefined ? {} : { environment: (target: ClientTarget) => ({ [variable]: urlOf(target) }) }),
})

export const ELASTICSEARCH: DatabaseClient = curl(httpUrl, 'ELASTICSEARCH_URL')
export const OPENSEARCH: DatabaseClient = curl(httpUrl, 'OPENSEARCH_URL')

/** The agent says who the user is. */
export const CLICKHOUSE_HTTP: DatabaseClient = curl((target, path) =>
  httpUrl(target, path ?? `/${query({ database: target.databaseName })}`),
)

/** The agent signs anew; what the client signs with does not matter. wire/database.md 6.4 */
export const AWS_DYNAMODB: DatabaseClient = {
  programs: ['aws'],
  install: { linux: 'awscli (Debian, Ubuntu), awscli2 (Fedora)', darwin: 'awscli (Homebrew)', win32: 'Amazon.AWSCLI (winget)' },
  args: target => ['dynamodb', '--endpoint-url', httpUrl(target)],
  environment: target => ({ AWS_ENDPOINT_URL_DYNAMODB: httpUrl(target) }),
}
