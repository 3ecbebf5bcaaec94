import { useState } from 'react'
import { parseAddress } from '../../../shared/address.ts'
import type { Failure } from '../../../shared/errors.ts'
import type { Profile } from '../../../shared/state.ts'
import { useAsk, useSlice } from '../../engine.ts'
import { FailureCallout } from '../../parts/Callout.tsx'
import { Banner } from '../../parts/Banner.tsx'
import { Button } from '../../parts/Button.tsx'
import { IconButton } from '../../parts/IconButton.tsx'
import { TextField } from '../../parts/TextField.tsx'
import { shortAddress, text } from '../../words.ts'
import { SignInForm } from '../sign-in/SignInForm.tsx'
import { LabCard, ProfileCard, TshCard } from './Cards.tsx'
import css from './WelcomePage.module.css'

interface WelcomePageProps {
  /** Present when another cluster is on show already. */
  readonly onBack?: () => void
}

const words = text.welcome

export function WelcomePage({ onBack }: WelcomePageProps) {
  const ask = useAsk()
  const [lab, profiles, notices] = [useSlice('lab'), useSlice('profiles'), useSlice('notices')]
  const [address, setAddress] = useState('')
  const [wrong, setWrong] = useState(false)
  const [signIn, setSignIn] = useState<{ readonly proxy: string; readonly user?: string }>()
  const [trouble, setTrouble] = useState<Failure | null>(null)
  const done = (): void => onBack?.()
  const back = signIn === undefined ? onBack : () => setSignIn(undefined)

  const startLab = async (): Promise<void> => {
    setTrouble(null)
    if ((await ask('lab.start', {}, setTrouble)) !== undefined) done()
  }
  const use = async (proxy: string): Promise<void> => {
    if ((await ask('profile.use', { proxy }, setTrouble)) !== undefined) done()
  }

  const choose = (profile: Profile): void => {
    if (profile.expired) setSignIn({ proxy: profile.proxy, user: profile.user })
    else void use(profile.proxy)
  }
  // Where a cluster is on show already, its menu has these.
  const offered = onBack === undefined ? profiles : []
  const [own, ofTsh] = [offered.filter(one => one.source === 'portico'), offered.filter(one => one.source === 'tsh')]

  return (
    <div className={css['page']}>
      {notices.map(notice => (
        <Banner
          key={notice.id}
          tone="note"
          actions={<IconButton icon="close" label={text.dismiss} onClick={() => void ask('notice.dismiss', { id: notice.id })} />}
        >
          {notice.text}
        </Banner>
      ))}
      <main className={css['middle']}>
        <div className={css['column']}>
          {back !== undefined && (
            <div className={css['back']}>
              <IconButton icon="back" label={text.back} onClick={back} />
              <span>{text.back}</span>
            </div>
          )}
          {signIn === undefined ? (
            <>
              <h1 className={css['title']}>{words.title}</h1>
              <p className={css['lead']}>{words.lead}</p>
              <form
                className={css['form']}
                onSubmit={event => {
                  event.preventDefault()
                  const parsed = parseAddress(address, 443)
                  setWrong(parsed === undefined)
                  // What was typed goes on as it is: which port a bare host means is found out by looking.
                  if (parsed !== undefined) setSignIn({ proxy: address.trim() })
                }}
              >
                <TextField
                  label={words.address}
                  hideLabel
                  mono
                  value={address}
                  placeholder={words.placeholder}
                  autoFocus
                  maxLength={300}
                  inputMode="url"
                  autoComplete="off"
                  aria-invalid={wrong}
                  {...(wrong ? { hint: words.notAnAddress } : {})}
                  onText={value => {
                    setAddress(value)
                    setWrong(false)
                  }}
                />
                <Button look="primary" type="submit" wide>
                  {words.go}
                </Button>
              </form>
              <h2 className={css['or']}>{words.or}</h2>
              {trouble !== null && lab.state !== 'failed' && <FailureCallout failure={trouble} />}
              {own.map(profile => (
                <ProfileCard key={profile.proxy} profile={profile} onUse={() => choose(profile)} />
              ))}
              <TshCard profiles={ofTsh} onUse={choose} />
              <LabCard lab={lab} onStart={() => void startLab()} />
            </>
          ) : (
            <>
              <h1 className={css['title']}>{text.signIn.title(shortAddress(signIn.proxy))}</h1>
              <SignInForm key={signIn.proxy} {...signIn} onDone={done} />
            </>
          )}
        </div>
      </main>
    </div>
  )
}
