import { expect, it } from 'vitest'
import { needsSessionMfa } from '../../../../electron/cluster/auth/access.ts'
import type { DatabaseServer, Role } from '../../../../electron/cluster/auth/auth.ts'
import { roleMessage } from '../../../../electron/cluster/auth/messages.ts'
import { openAuth } from '../../../../electron/cluster/auth/open-auth.ts'
import { roleOf } from '../../../../electron/cluster/auth/read-messages.ts'
import { openMemoryStorage } from '../../../../electron/cluster/storage/memory-storage.ts'
import { NO_LOG } from '../../../../electron/log/log.ts'
import { TOTP_STEP_MS, totpCode } from '../../../../electron/wire/totp.ts'

const NOTHING = { logins: [], dbUsers: [], dbNames: [], dbLabels: {} }
const role = (dbUsers: readonly string[], requireSessionMfa: boolean): Role => ({
  name: 'dev',
  maxSessionTtlMs: 3_600_000,
  ...(requireSessionMfa ? { requireSessionMfa } : {}),
  allow: { logins: [], dbUsers, dbNames: ['shop'], dbLabels: { '*': ['*'] } },
  deny: NOTHING,
})
const SERVER: DatabaseServer = {
  name: 'orders',
  description: '',
  dbProtocol: 'postgres',
  uri: 'localhost:5432',
  labels: {},
  hostId: 'host',
  hostname: 'host',
  expires: 0,
}

it('one role that asks is enough, and only for what it allows', () => {
  const roles = [role(['reader'], false), role(['owner'], true)]
  expect(needsSessionMfa(roles, SERVER, 'owner', 'shop')).toBe(true)
  expect(needsSessionMfa(roles, SERVER, 'reader', 'shop')).toBe(false)
  expect(needsSessionMfa(roles, SERVER, 'owner', 'other')).toBe(false)
  expect(needsSessionMfa(roles, SERVER, undefined, undefined)).toBe(true)
  expect(needsSessionMfa([role(['reader'], false), role(['reader'], true)], SERVER, 'reader', 'shop')).toBe(true)
})

it('a role keeps asking on its way to an agent', () => {
  for (const asks of [true, false]) expect(roleOf(roleMessage(role(['reader'], asks)))).toEqual(role(['reader'], asks))
})

it('a code confirms once, and only so many may be tried', async () => {
  const secret = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'
  const at = Date.now()
  const auth = await openAuth({
    clusterName: 'small',
    storage: openMemoryStorage(),
    secondFactor: 'otp',
    log: NO_LOG,
    now: () => at,
    passwordCost: 1_024,
  })
  await auth.createUser({ name: 'alice', password: 'secret-enough', roles: [], totpSecret: secret })
  await auth.createUser({ name: 'bob', password: 'secret-enough', roles: [] })
  expect([await auth.canConfirm('alice'), await auth.canConfirm('bob'), await auth.canConfirm('nobody')]).toEqual([true, false, false])
  expect(await auth.confirmSession('alice', totpCode(secret, at))).toMatch(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/)
  await expect(auth.confirmSession('alice', totpCode(secret, at))).rejects.toMatchObject({ code: 'login/refused' })
  await expect(
    auth.login({
      user: 'alice',
      password: 'secret-enough',
      code: totpCode(secret, at),
      ttlMs: 1_000,
      sshPublicKey: undefined,
      tlsPublicKey: undefined,
      routeToCluster: '',
      clientIp: '127.0.0.1',
    }),
  ).rejects.toMatchObject({ code: 'login/refused' })
  for (let tries = 2; tries < 20; tries++)
    await expect(auth.confirmSession('alice', '000000')).rejects.toMatchObject({ code: 'login/refused' })
  await expect(auth.confirmSession('alice', totpCode(secret, at + TOTP_STEP_MS))).rejects.toMatchObject({ code: 'login/too-many-tries' })
  await auth.close()
})
