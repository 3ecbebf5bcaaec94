import { expect, test } from 'vitest'
import { openAuth } from '../../../../electron/cluster/auth/open-auth.ts'
import { HopCredentialCache } from '../../../../electron/cluster/database/hop-credentials.ts'
import { openMemoryStorage } from '../../../../electron/cluster/storage/memory-storage.ts'
import { NO_LOG } from '../../../../electron/log/log.ts'
import { NO_IDENTITY } from '../../../../electron/wire/identity.ts'

test('a user who is removed gets no credentials any more, and others keep theirs', async () => {
  const auth = await openAuth({
    clusterName: 'root',
    storage: openMemoryStorage(),
    secondFactor: 'off',
    log: NO_LOG,
    passwordCost: 1_024,
  })
  const nothing = { logins: [], dbUsers: [], dbNames: [], dbLabels: {} }
  await auth.createRole({ name: 'dev', maxSessionTtlMs: 0, deny: nothing, allow: nothing })
  for (const name of ['alice', 'alice2']) await auth.createUser({ name, password: 'pw', roles: ['dev'] })
  const hops = new HopCredentialCache(auth, Date.now)
  const get = (username: string) =>
    hops.get({ ...NO_IDENTITY, username, roles: ['dev'], teleportCluster: 'root' }, Buffer.from('certificate'), '127.0.0.1', 'root')
  const [first, other] = [await get('alice'), await get('alice2')]
  expect([await get('alice'), await get('alice2')]).toEqual([first, other])

  await auth.removeUser('alice')
  await expect(get('alice')).rejects.toMatchObject({ code: 'resource/not-found' })
  expect(await get('alice2')).toBe(other)
  await auth.close()
})
