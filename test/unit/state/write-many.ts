import { openHome } from '../../../electron/state/home.ts'
import { openProfiles } from '../../../electron/state/profiles.ts'
import { openVault } from '../../../electron/state/vault.ts'
import { KEYS, sampleProfile } from './profile-samples.ts'

/** A process of its own for profiles.test.ts: saves `count` profiles named after itself. */
const [name, count] = [process.argv[2]!, Number(process.argv[3])]
const home = openHome(process.env, process.platform)
const profiles = await openProfiles(home, openVault(home))
for (let n = 0; n < count; n += 1) await profiles.save(sampleProfile(`${name}-${n}:443`), KEYS)
profiles.close()
