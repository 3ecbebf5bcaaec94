import { DropdownMenu } from 'radix-ui'
import type { ReactNode } from 'react'
import type { Lab, Profile } from '../../../shared/state.ts'
import { Button } from '../../parts/Button.tsx'
import { FailureCallout } from '../../parts/Callout.tsx'
import { Icon } from '../../parts/Icon.tsx'
import menu from '../../parts/menu.module.css'
import { Tile } from '../../parts/Tile.tsx'
import { shown, text } from '../../words.ts'
import css from './Cards.module.css'

const words = text.welcome

interface CardProps {
  readonly tile: ReactNode
  readonly title: string
  readonly lead: string
  readonly action: ReactNode
  readonly children?: ReactNode
}

function Card({ tile, title, lead, action, children }: CardProps) {
  return (
    <section className={css['card']} aria-label={title}>
      <div className={css['line']}>
        <Tile>{tile}</Tile>
        <div className={css['lines']}>
          <h3 className={css['title']}>{title}</h3>
          <p className={css['lead']}>{lead}</p>
        </div>
        {action}
      </div>
      {children}
    </section>
  )
}

/** The lab, from one click to its last step before the list shows. */
export function LabCard({ lab, onStart }: { readonly lab: Lab; readonly onStart: () => void }) {
  const starting = lab.state === 'starting'
  const label = starting
    ? words.labStarting
    : lab.state === 'failed'
      ? text.tryAgain
      : lab.state === 'running'
        ? words.labUse
        : words.labStart
  return (
    <Card
      tile={<Icon name="play" size={14} />}
      title={words.lab}
      lead={words.labLead}
      action={
        <Button disabled={starting} onClick={onStart}>
          {label}
          <span className="heard"> {words.theLab}</span>
        </Button>
      }
    >
      {starting && (
        <div className={css['progress']} role="status">
          <span className={css['bar']} aria-hidden="true" />
          <p>
            {lab.step === '' ? words.labStarting : lab.step} <span className={css['lead']}>{words.labFirst}</span>
          </p>
        </div>
      )}
      {lab.state === 'failed' && <FailureCallout failure={lab.failure} />}
    </Card>
  )
}

/** A cluster that somebody signed in to before. */
export function ProfileCard({ profile, onUse }: { readonly profile: Profile; readonly onUse: () => void }) {
  return (
    <Card
      tile={(profile.cluster[0] ?? '').toUpperCase()}
      title={shown(profile.cluster)}
      lead={words.known(shown(profile.user), profile.expired)}
      action={<Button onClick={onUse}>{profile.expired ? words.signIn : words.use}</Button>}
    />
  )
}

/** Logins that tsh made on this computer; one is used at once, of several one is chosen. */
export function TshCard({ profiles, onUse }: { readonly profiles: readonly Profile[]; readonly onUse: (profile: Profile) => void }) {
  const [first, ...others] = profiles
  if (first === undefined) return null
  const use = <Button {...(others.length === 0 ? { onClick: () => onUse(first) } : {})}>{words.use}</Button>
  return (
    <Card
      tile={words.tshTile}
      title={words.tsh}
      lead={words.tshFound(profiles.map(one => shown(one.cluster)))}
      action={
        others.length === 0 ? (
          use
        ) : (
          <DropdownMenu.Root modal={false}>
            <DropdownMenu.Trigger asChild>{use}</DropdownMenu.Trigger>
            <DropdownMenu.Portal>
              <DropdownMenu.Content className={menu['content']} align="end" sideOffset={4} collisionPadding={8}>
                {profiles.map(one => (
                  <DropdownMenu.Item key={one.proxy} className={menu['item']} onSelect={() => onUse(one)}>
                    <span className={menu['label']}>
                      {shown(one.cluster)}
                      <span className={menu['sub']}>{text.side.profile(shown(one.user), one.expired, false)}</span>
                    </span>
                  </DropdownMenu.Item>
                ))}
              </DropdownMenu.Content>
            </DropdownMenu.Portal>
          </DropdownMenu.Root>
        )
      }
    />
  )
}
