import { useEffect, useMemo, useState } from 'react'
import type { Bridge } from '../shared/contract.ts'
import css from './App.module.css'
import { EngineContext, useProjected, useReload, useSlice } from './engine.ts'
import { Frame } from './pages/frame/Frame.tsx'
import { WelcomePage } from './pages/welcome/WelcomePage.tsx'
import { Button } from './parts/Button.tsx'
import { FailureCallout } from './parts/Callout.tsx'
import type { Projection } from './projection.ts'
import { createTraffic } from './traffic.ts'
import { text } from './words.ts'

export function App({ bridge, projection }: { readonly bridge: Bridge; readonly projection: Projection }) {
  const engine = useMemo(() => ({ bridge, projection, traffic: createTraffic() }), [bridge, projection])
  useEffect(() => {
    const sample = (): void => {
      const now = projection.store.getState()
      if (now.phase === 'ready') engine.traffic.sample(now.state.tunnels, performance.now())
    }
    const timer = setInterval(sample, 1000)
    return () => clearInterval(timer)
  }, [engine, projection])
  return (
    <EngineContext value={engine}>
      <Pages />
    </EngineContext>
  )
}

function Pages() {
  const projected = useProjected()
  const reload = useReload()
  switch (projected.phase) {
    case 'loading':
      return (
        <main className={css['middle']} aria-busy="true">
          <p role="status">{text.loading}</p>
        </main>
      )
    case 'failed':
      return (
        <main className={css['middle']}>
          <h1 className={css['title']}>{text.broken.title}</h1>
          <FailureCallout failure={projected.failure} />
          <Button onClick={reload}>{text.tryAgain}</Button>
        </main>
      )
    case 'ready':
      return <ReadyPages />
  }
}

function ReadyPages() {
  const session = useSlice('session')
  const { theme } = useSlice('settings')
  const [adding, setAdding] = useState(false)
  useEffect(() => {
    if (theme === 'system') delete document.documentElement.dataset['theme']
    else document.documentElement.dataset['theme'] = theme
  }, [theme])
  if (session.state === 'none') return <WelcomePage />
  if (adding) return <WelcomePage onBack={() => setAdding(false)} />
  return <Frame key={session.profile.proxy} session={session} onAddCluster={() => setAdding(true)} />
}
