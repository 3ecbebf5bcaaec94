import { z } from 'zod'
import type { Reply, Question } from './contract.ts'
import type { AppState, Change } from './state.ts'

/**
 * The contract over the control socket of an engine: JSON, one message a line. The engine greets; then the face asks, and
 * gets one reply for each number. Who watches gets the state as its reply, and each change after it.
 */
export const CONTROL_PROTOCOL = 1

const id = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)

export const FromFaceShape = z.union([
  z.object({ id, question: z.string().max(64), ask: z.unknown() }).strict(),
  z.object({ id, watch: z.literal(true) }).strict(),
  /** A CA file that was chosen in a dialog of the face. */
  z.object({ id, trust: z.object({ proxy: z.string().min(1).max(300), path: z.string().min(1).max(4096) }).strict() }).strict(),
])
export type FromFace = z.infer<typeof FromFaceShape>
/** Before anything else, where the system does not tell owners (Windows). */
export const SecretShape = z.object({ secret: z.string().max(128) }).strict()

export const HelloShape = z.object({
  protocol: z.number(),
  pid: z.number().int(),
  host: z.enum(['app', 'headless']),
  version: z.string(),
  /** It is on its way out: another may start as soon as it is gone. */
  stopping: z.boolean(),
})
export type Hello = z.infer<typeof HelloShape>

export type FromEngine =
  | { readonly hello: Hello }
  | { readonly id: number | null; readonly reply: Reply<Question> | WatchReply }
  | { readonly change: Change }
export interface WatchReply {
  readonly ok: true
  readonly value: { readonly revision: number; readonly state: AppState }
}

/** `engine.json` of a home: where its engine is, written by the engine, for its owner only. */
export const EnginePlaceShape = z.object({ socket: z.string().max(4096), pid: z.number().int(), secret: z.string().max(128).nullable() })
export type EnginePlace = z.infer<typeof EnginePlaceShape>
