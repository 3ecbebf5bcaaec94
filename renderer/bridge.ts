import type { Bridge } from '../shared/contract.ts'

declare global {
  interface Window {
    readonly portico?: Bridge
  }
}

/** What the preload exposed. The only place that touches `window.portico`. */
export function bridgeOfWindow(): Bridge {
  if (window.portico === undefined) throw new Error('the preload did not run')
  return window.portico
}
