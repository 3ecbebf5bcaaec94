import { encode, hostPort, option, type ClientTarget, type DatabaseClient } from '../client-target.ts'

/** Without the user: whoever names one in a URL sends AUTH, which needs a password. The certificate says who it is. */
export function redisUrl(target: ClientTarget): string {
  return `${target.tls === undefined ? 'redis' : 'rediss'}://${hostPort(target)}/${encode(target.databaseName)}`
}

export const REDIS_CLI: DatabaseClient = {
  programs: ['redis-cli', 'valkey-cli'],
  install: {
    linux: 'redis-tools (Debian, Ubuntu), valkey or redis (Fedora)',
    darwin: 'redis (Homebrew)',
    win32: 'Redis.Redis (winget), or redis-tools in WSL',
  },
  args: ({ address, databaseName, tls }) => [
    '-h',
    address.host,
    '-p',
    String(address.port),
    ...(tls === undefined
      ? []
      : ['--tls', '--key', tls.key, '--cert', tls.cert, ...option('--cacert', tls.ca ?? ''), '--sni', address.host]),
    ...option('-n', databaseName),
  ],
}
