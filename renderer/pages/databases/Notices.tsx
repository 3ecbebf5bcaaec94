import type { Failure } from '../../../shared/errors.ts'
import { isOfLab } from '../../../shared/lab.ts'
import type { AppState, DatabaseList, Lab, ProxyHealth, Session } from '../../../shared/state.ts'
import { Banner } from '../../parts/Banner.tsx'
import { Button } from '../../parts/Button.tsx'
import { IconButton } from '../../parts/IconButton.tsx'
import { failureWords, text } from '../../words.ts'

interface NoticesProps {
  readonly session: Session
  readonly proxy: ProxyHealth
  readonly list: DatabaseList
  readonly lab: Lab
  readonly notices: AppState['notices']
  /** A question of this window that failed. */
  readonly trouble: Failure | null
  readonly now: number
  readonly onSignIn: () => void
  readonly onLook: () => void
  readonly onStartLab: () => void
  readonly onDismissNotice: (id: string) => void
  readonly onDismissTrouble: () => void
}

/** What stands over the list, most important first; of the three that a lost cluster causes, only the first. */
export function Notices({
  session,
  proxy,
  list,
  lab,
  notices,
  trouble,
  now,
  onSignIn,
  onLook,
  onStartLab,
  onDismissNotice,
  onDismissTrouble,
}: NoticesProps) {
  const close = (onClick: () => void) => <IconButton icon="close" label={text.dismiss} onClick={onClick} />
  return (
    <>
      {cluster()}
      {trouble !== null && <FailureBanner failure={trouble} onClose={onDismissTrouble} />}
      {notices.map(notice => (
        <Banner key={notice.id} tone="note" actions={close(() => onDismissNotice(notice.id))}>
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
        <Banner tone="warn" strong={text.banner.labStopped} actions={<Button onClick={onStartLab}>{text.banner.labStart}</Button>}>
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
    if (list.state === 'failed' && list.items.length > 0) {
      const words = list.failure === null ? undefined : failureWords(list.failure)
      return (
        <Banner tone="warn" strong={text.list.old} actions={<Button onClick={onLook}>{text.list.look}</Button>}>
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
