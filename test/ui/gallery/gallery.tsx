import '@fontsource-variable/inter/wght.css'
import '@fontsource-variable/jetbrains-mono/wght.css'
import '../../../renderer/theme/tokens.css'
import '../../../renderer/theme/base.css'
import { createRoot } from 'react-dom/client'
import { App } from '../../../renderer/App.tsx'
import { takeNonce } from '../../../renderer/nonce.ts'
import { openProjection } from '../../../renderer/projection.ts'
import { STATES, type StateName } from '../fixtures.ts'
import { letFlow, livelyBridge } from './lively-bridge.ts'

takeNonce()

/** `?state=NAME` shows the window in that state, on a bridge that plays along, with traffic by `&flow=1`; without it, a list of all states. */
const asked = new URLSearchParams(location.search)
const name = asked.get('state')
const root = createRoot(document.getElementById('root')!)
if (name !== null && Object.hasOwn(STATES, name)) {
  const bridge = livelyBridge(STATES[name as StateName]())
  if (asked.has('flow')) letFlow(bridge)
  root.render(<App bridge={bridge} projection={openProjection(bridge)} />)
} else {
  root.render(
    <ul>
      {Object.keys(STATES).map(state => (
        <li key={state}>
          <a href={`?state=${state}`}>{state}</a>
        </li>
      ))}
    </ul>,
  )
}
