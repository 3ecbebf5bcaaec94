// Programs that tests run besides Node: what they are for, and the Debian package that brings each.
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const PARTS = [
  { program: 'psql', packages: ['postgresql-client'] },
  { program: 'pgbench', packages: ['postgresql'] },
  { program: 'mariadbd', packages: ['mariadb-server', 'mariadb-client'] },
  { program: 'redis-server', packages: ['redis-server', 'redis-tools'] },
  { program: 'pgcli', packages: ['pgcli'] },
  { program: 'mycli', packages: ['mycli'] },
  { file: '/usr/share/java/postgresql.jar', packages: ['libpostgresql-jdbc-java', 'default-jdk-headless'] },
  { file: '/usr/share/java/mariadb-java-client.jar', packages: ['libmariadb-java', 'default-jdk-headless'] },
  { program: 'haproxy', packages: ['haproxy'] },
  { program: 'nginx', packages: ['nginx', 'libnginx-mod-stream'] },
  { program: 'openssl', packages: ['openssl'] },
  { program: 'ssh-keygen', packages: ['openssh-client'] },
  { program: 'unzip', packages: ['unzip'] },
  { program: 'xvfb-run', packages: ['xvfb', 'xauth'] },
  { library: 'libgtk-3.so.0', packages: ['libgtk-3-0'] },
  { library: 'libnss3.so', packages: ['libnss3'] },
  { library: 'libasound.so.2', packages: ['libasound2'] },
  { library: 'libgbm.so.1', packages: ['libgbm1'] },
  { library: 'libXss.so.1', packages: ['libxss1'] },
  { library: 'libatk-bridge-2.0.so.0', packages: ['libatk-bridge2.0-0'] },
]

/** Debian keeps some programs where an ordinary PATH does not look. */
const EXTRA = process.platform === 'win32' ? [] : ['/usr/sbin', '/sbin']

/** @param {string} program */
export function isOnPath(program) {
  const names = process.platform === 'win32' ? [`${program}.exe`, `${program}.cmd`] : [program]
  return [...(process.env.PATH ?? '').split(delimiter), ...EXTRA].some(folder =>
    names.some(name => {
      try {
        accessSync(join(folder, name), constants.X_OK)
        return folder !== ''
      } catch {
        return false
      }
    }),
  )
}

function missingParts() {
  const libraries = process.platform === 'linux' ? spawnSync('/sbin/ldconfig', ['-p'], { encoding: 'utf8' }).stdout : undefined
  return PARTS.filter(({ program, file, library }) => {
    if (program) return !isOnPath(program)
    if (process.platform !== 'linux') return false
    return file ? !existsSync(file) : typeof libraries === 'string' && !libraries.includes(library)
  })
}

/**
 * On a CI machine that is ours to change (CI=true, root, Debian) the missing parts are installed; anywhere else nothing is.
 * @returns {string[]} what is still missing
 */
export function prepareParts() {
  const missing = missingParts()
  const mayInstall = process.env.CI === 'true' && process.platform === 'linux' && process.getuid() === 0 && isOnPath('apt-get')
  if (missing.length > 0 && mayInstall) {
    const packages = missing.flatMap(part => part.packages)
    console.log(`Installing test parts: ${packages.join(' ')}`)
    const apt = args =>
      spawnSync('apt-get', args, { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } })
    apt(['update', '-q'])
    apt(['install', '-y', '-q', '--no-install-recommends', ...packages])
  }
  return missingParts().map(({ program, file, library }) => program ?? file ?? library)
}
