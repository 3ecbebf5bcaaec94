import { PorticoError } from '../../shared/errors.ts'

/** Nobody is there who could be asked, or not now. */
export function codeNeeded(name: string, next = `portico proxy db ${name}, on a terminal`): PorticoError {
  return new PorticoError('login/code-needed', { why: `each session with "${name}" is confirmed with one`, next })
}
