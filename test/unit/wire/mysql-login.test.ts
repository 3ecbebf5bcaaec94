import { describe, expect, it } from 'vitest'
import { encodeGreeting } from '../../../electron/wire/mysql.ts'
import { emptyPassword, offersTls, readAuthSwitch, readGreeting, readMoreData } from '../../../electron/wire/mysql-login.ts'
import { Dice, mutate } from '../../fuzz/mutate.ts'

/** As a MariaDB 10.11 with TLS greets. */
const MARIADB = Buffer.from(
  `0a${Buffer.from('5.5.5-10.11.6-MariaDB').toString('hex')}00${'2a000000'}${'61'.repeat(8)}00feff${'2d'}0200ff81${'15'}${'000000000000'}1d000000${'62'.repeat(12)}00${Buffer.from('mysql_native_password').toString('hex')}00`,
  'hex',
)

describe('a MySQL server’s greeting', () => {
  it('tells version, number, plugin and TLS', () => {
    const found = readGreeting(MARIADB)!
    expect(found).toMatchObject({ version: '5.5.5-10.11.6-MariaDB', connectionId: 42, plugin: 'mysql_native_password' })
    expect(offersTls(found)).toBe(true)
    const ours = readGreeting(encodeGreeting({ version: 'x', connectionId: 2 ** 31, salt: Buffer.alloc(20, 1), tls: false }).subarray(4))!
    expect([ours.connectionId, offersTls(ours)]).toEqual([2 ** 31, false])
  })

  it('gives nothing when it is cut short before its end, or of another protocol', () => {
    const whole = MARIADB.indexOf(0, 1) + 1 + 31
    for (let cut = 0; cut < whole; cut++) expect(readGreeting(MARIADB.subarray(0, cut))).toBeUndefined()
    expect(readGreeting(Buffer.concat([Buffer.from([9]), MARIADB.subarray(1)]))).toBeUndefined()
  })

  it('never throws, however damaged', () => {
    const dice = new Dice(7)
    for (let index = 0; index < 20_000; index++) {
      const bytes = mutate(dice, [MARIADB])
      readGreeting(bytes)
      readAuthSwitch(bytes)
      readMoreData(bytes)
    }
  })
})

it('knows what no password is to each plugin', () => {
  expect(emptyPassword('mysql_native_password')).toHaveLength(0)
  expect(emptyPassword('caching_sha2_password')).toEqual(Buffer.from([0]))
  expect(emptyPassword('client_ed25519')).toBeUndefined()
  expect(readAuthSwitch(Buffer.from('\u00fex\0salt', 'latin1'))).toBe('x')
  expect(readMoreData(Buffer.from([1, 3]))).toBe('known')
})
