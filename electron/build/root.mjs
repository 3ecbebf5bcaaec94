import { fileURLToPath } from 'node:url'

/** The checkout, with a slash at its end: `new URL('out/', ROOT_URL)`. */
export const ROOT_URL = new URL('../../', import.meta.url)
/** @param {string} path relative to the checkout, with slashes */
export const inRoot = path => fileURLToPath(new URL(path, ROOT_URL))
export const ROOT = inRoot('.')
