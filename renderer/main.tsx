import '@fontsource-variable/inter/wght.css'
import '@fontsource-variable/jetbrains-mono/wght.css'
import './theme/tokens.css'
import './theme/base.css'
import { createRoot } from 'react-dom/client'
import { App } from './App.tsx'
import { bridgeOfWindow } from './bridge.ts'
import { takeNonce } from './nonce.ts'
import { openProjection } from './projection.ts'

takeNonce()
const bridge = bridgeOfWindow()
const projection = openProjection(bridge)
createRoot(document.getElementById('root')!).render(<App bridge={bridge} projection={projection} />)
