import { setNonce } from 'get-nonce'

/**
 * Overlays lock scrolling through a style element, which the page's policy lets in by its nonce only.
 * The scheme handler writes it into index.html; call this before anything renders.
 */
export function takeNonce(): void {
  const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce
  if (nonce) setNonce(nonce)
}
