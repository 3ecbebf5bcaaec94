import { DropdownMenu } from 'radix-ui'
import type { Failure } from '../../../shared/errors.ts'
import type { Profile } from '../../../shared/state.ts'
import { useAsk, useSlice } from '../../engine.ts'
import { Icon } from '../../parts/Icon.tsx'
import menu from '../../parts/menu.module.css'
import { Ring } from '../../parts/Ring.tsx'
import { shown, text } from '../../words.ts'
import type { Place } from '../places.ts'
import css from './ClusterMenu.module.css'

interface ClusterMenuProps {
  readonly profile: Profile
  readonly ended: boolean
  readonly now: number
  /** Only the ring, for a narrow window. */
  readonly compact?: boolean
  readonly onAdd: () => void
  readonly onPlace: (place: Place) => void
  readonly onTrouble: (failure: Failure) => void
}

const words = text.side
/** The usual length of a login; what the ring calls full. */
const WHOLE_MS = 12 * 3_600_000
const SOON_MS = 30 * 60_000

export function ClusterMenu({ profile, ended, now, compact = false, onAdd, onPlace, onTrouble }: ClusterMenuProps) {
  const ask = useAsk()
  const [profiles, clusters] = [useSlice('profiles'), useSlice('clusters')]
  const [cluster, user] = [shown(profile.cluster), shown(profile.user)]
  const left = ended ? 0 : Math.max(0, profile.validUntil - now)
  const state = left === 0 ? words.ended : words.left(left)
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger className={css['card']} data-compact={compact}>
        <Ring letter={([...shown(profile.user)][0] ?? '').toUpperCase()} fraction={left / WHOLE_MS} tone={left < SOON_MS ? 'warn' : 'ok'} />
        {compact ? (
          <span className="heard">{`${words.menu(cluster)}, ${user}, ${state}`}</span>
        ) : (
          <span className={css['lines']}>
            <span className={css['cluster']} title={cluster}>
              <span className="heard">{words.cluster}</span> {cluster}
            </span>
            <span className={css['user']}>{left === 0 ? words.ended : `${user} · ${state}`}</span>
          </span>
        )}
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className={menu['content']} align="start" sideOffset={6} collisionPadding={8}>
          {profiles.length > 1 && <DropdownMenu.Label className={menu['heading']}>{words.switchTo}</DropdownMenu.Label>}
          {profiles.length > 1 && (
            <DropdownMenu.RadioGroup value={profile.proxy} onValueChange={proxy => void ask('profile.use', { proxy }, onTrouble)}>
              {profiles.map(one => (
                <DropdownMenu.RadioItem key={one.proxy} value={one.proxy} className={menu['item']}>
                  <span className={menu['mark']}>
                    <DropdownMenu.ItemIndicator>
                      <Icon name="check" size={12} />
                    </DropdownMenu.ItemIndicator>
                  </span>
                  <span className={menu['label']}>
                    {shown(one.cluster)}
                    <span className={menu['sub']}>{words.profile(shown(one.user), one.expired, one.source === 'tsh')}</span>
                  </span>
                </DropdownMenu.RadioItem>
              ))}
            </DropdownMenu.RadioGroup>
          )}
          {profiles.length > 1 && <DropdownMenu.Separator className={menu['separator']} />}
          {compact && clusters.length > 1 && (
            <>
              <DropdownMenu.Label className={menu['heading']}>{words.clusters}</DropdownMenu.Label>
              <DropdownMenu.RadioGroup
                value={clusters.find(one => one.current)?.name ?? ''}
                onValueChange={name => void ask('cluster.use', { cluster: name }, onTrouble)}
              >
                {clusters.map(one => (
                  <DropdownMenu.RadioItem key={one.name} value={one.name} className={menu['item']}>
                    <span className={menu['mark']}>
                      <DropdownMenu.ItemIndicator>
                        <Icon name="check" size={12} />
                      </DropdownMenu.ItemIndicator>
                    </span>
                    <span className={menu['label']}>{shown(one.name)}</span>
                  </DropdownMenu.RadioItem>
                ))}
              </DropdownMenu.RadioGroup>
              <DropdownMenu.Separator className={menu['separator']} />
            </>
          )}
          {compact &&
            (['databases', 'running', 'favourites', 'settings', 'log'] as const).map(place => (
              <DropdownMenu.Item key={place} className={menu['item']} onSelect={() => onPlace(place)}>
                {words[place]}
              </DropdownMenu.Item>
            ))}
          {compact && <DropdownMenu.Separator className={menu['separator']} />}
          <DropdownMenu.Item className={menu['item']} onSelect={onAdd}>
            {words.add}
          </DropdownMenu.Item>
          <DropdownMenu.Item className={menu['item']} onSelect={() => void ask('login.end', { proxy: profile.proxy }, onTrouble)}>
            {words.signOut}
          </DropdownMenu.Item>
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  )
}
