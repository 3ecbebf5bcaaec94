import { useState } from 'react'
import type { Failure } from '../../../shared/errors.ts'
import { isOfLab } from '../../../shared/lab.ts'
import type { Session } from '../../../shared/state.ts'
import { useAsk, useSlice } from '../../engine.ts'
import { Banner } from '../../parts/Banner.tsx'
import { Button } from '../../parts/Button.tsx'
import { IconButton } from '../../parts/IconButton.tsx'
import { failureWords, text } from '../../words.ts'

interface NoticesProps {
  readonly session: Session
  /** A question of this window that failed. */
  readonly trouble: Failure | null
  readonly now: number
  readonly onSignIn: () => void
  readonly onTrouble: (failure: Failure | null) => void
}

/** When a sign-in is offered before the session ends. */
const EARLY_MS = 10 * 60_000

/** What stands over the page, most important first; of the three that a lost cluster causes, only the first. */
export function Notices({ session, trouble, now, onSignIn, onTrouble }: NoticesProps) {
  const ask = useAsk()
  const [proxy, list, lab, notices] = [useSlice('proxy'), useSlice('databases'), useSlice('lab'), useSlice('notices')]
  /** The end of the session whose early offer was put off. */
  const [later, setLater] = useState<number>()
  const close = (onClick: () => void) => <IconButton icon="close" label={text.dismiss} onClick={onClick} />
  return (
    <>
      {cluster()}
      {trouble !== null && <FailureBanner failure={trouble} onClose={() => onTrouble(null)} />}
      {notices.map(notice => (
        <Banner key={notice.id} tone="note" actions={close(() => void ask('notice.dismiss', { id: notice.id }))}>
          {notice.text}
        </Banner>
      ))}
    </>
  )

  function cluster() {
    if (session.state === 'ended') {
      return (
        <Banner
          tone="warn"
          strong={text.banner.ended(now - session.endedAt)}
          actions={
            <Button look="primary" onClick={onSignIn}>
              {text.banner.signIn}
            </Button>
          }
        >
          {session.waiting > 0 ? text.banner.waiting(session.waiting, session.tunnels) : text.banner.idle}
        </Banner>
      )
    }
    const isLab = session.state === 'active' && isOfLab(session.profile)
    if (isLab && lab.state === 'starting') {
      return (
        <Banner tone="note" strong={text.banner.labStarting}>
          {lab.step}
        </Banner>
      )
    }
    if (isLab && !proxy.reachable && lab.state !== 'running') {
      return (
        <Banner
          tone="warn"
          strong={text.banner.labStopped}
          actions={<Button onClick={() => void ask('lab.start', {}, onTrouble)}>{text.banner.labStart}</Button>}
        >
          {text.banner.labNext}
        </Banner>
      )
    }
    if (!proxy.reachable) {
      const at = session.state === 'active' ? session.profile.proxy : ''
      return (
        <Banner tone="warn" strong={text.list.unreachable(at, proxy.since)}>
          {text.list.unreachableNext}
        </Banner>
      )
    }
    const left = session.state === 'active' ? session.profile.validUntil - now : Infinity
    if (left > 0 && left < EARLY_MS && session.state === 'active' && later !== session.profile.validUntil) {
      return (
        <Banner
          tone="warn"
          strong={text.banner.ending(left)}
          actions={
            <>
              <Button look="quiet" onClick={() => setLater(session.profile.validUntil)}>
                {text.banner.later}
              </Button>
              <Button look="primary" onClick={onSignIn}>
                {text.banner.signIn}
              </Button>
            </>
          }
        >
          {text.banner.endingNext}
        </Banner>
      )
    }
    if (list.state === 'failed' && list.items.length > 0) {
      const words = list.failure === null ? undefined : failureWords(list.failure)
      return (
        <Banner
          tone="warn"
          strong={text.list.old}
          actions={<Button onClick={() => void ask('databases.refresh', {}, onTrouble)}>{text.list.look}</Button>}
        >
          {words?.what} {words?.why}
        </Banner>
      )
    }
    return null
  }
}

function FailureBanner({ failure, onClose }: { readonly failure: Failure; readonly onClose: () => void }) {
  const { what, why, next } = failureWords(failure)
  return (
    <Banner tone="bad" strong={what} actions={<IconButton icon="close" label={text.dismiss} onClick={onClose} />}>
      {why} {next}
    </Banner>
  )
}
