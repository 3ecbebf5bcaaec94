import { z } from 'zod'
import type { Failure } from './errors.ts'
import {
  AppStateShape,
  ConnectionShape,
  DatabaseIdShape,
  LogEntryShape,
  ProfileShape,
  SettingsShape,
  ToolShape,
  TunnelModeShape,
  TunnelShape,
  type Change,
} from './state.ts'

/** Everything a face may ask of the engine. Adding a line here is a security review item. */

const text = (max: number) => z.string().max(max)
const Nothing = z.object({}).strict()
const proxyAddress = text(300).min(1)
const tunnelId = text(64).min(1)

/** What a cluster asks for before it lets somebody in. */
export const LoginFormShape = z.object({
  proxy: z.string(),
  cluster: z.string(),
  version: z.string(),
  kind: z.enum(['password', 'password-and-code', 'unsupported']),
  /** For `unsupported`: what it wants instead. */
  wants: z.string(),
})
export type LoginForm = z.infer<typeof LoginFormShape>

export const contract = {
  'state.read': { ask: Nothing, answer: z.object({ revision: z.number(), state: AppStateShape }) },
  /** Looks at a proxy before a sign-in. `caFile` is a path chosen in a dialog of the shell, never typed by the page. */
  'login.look': { ask: z.object({ proxy: proxyAddress, trust: z.boolean().optional() }).strict(), answer: LoginFormShape },
  'login.submit': {
    ask: z
      .object({
        proxy: proxyAddress,
        user: text(256).min(1),
        password: text(1024),
        code: text(16).optional(),
        trust: z.boolean().optional(),
      })
      .strict(),
    answer: ProfileShape,
  },
  'login.end': { ask: z.object({ proxy: proxyAddress }).strict(), answer: Nothing },
  'profile.use': { ask: z.object({ proxy: proxyAddress }).strict(), answer: Nothing },
  /** Opens the system's file dialog; the chosen CA file is kept for the next `login.look` of this proxy. */
  'trust.choose': { ask: z.object({ proxy: proxyAddress }).strict(), answer: z.object({ chosen: z.boolean() }) },
  'lab.start': { ask: Nothing, answer: Nothing },
  'databases.refresh': { ask: Nothing, answer: Nothing },
  'tunnel.start': {
    ask: z
      .object({
        resource: DatabaseIdShape,
        databaseUser: text(256).optional(),
        databaseName: text(256).optional(),
        port: z.number().int().min(0).max(65_535).optional(),
        mode: TunnelModeShape.optional(),
      })
      .strict(),
    answer: TunnelShape,
  },
  'tunnel.stop': { ask: z.object({ tunnel: tunnelId }).strict(), answer: Nothing },
  /** Stops and starts anew, on the same addresses; for a failed one, tries again. */
  'tunnel.restart': { ask: z.object({ tunnel: tunnelId }).strict(), answer: TunnelShape },
  /** The one-time code that a tunnel waits for. What becomes of it is told by the tunnel's `code`. */
  'tunnel.code': { ask: z.object({ tunnel: tunnelId, code: text(16).min(1) }).strict(), answer: Nothing },
  /** The oldest 200 of `total`. */
  'tunnel.connections': {
    ask: z.object({ tunnel: tunnelId }).strict(),
    answer: z.object({ total: z.number(), connections: z.array(ConnectionShape).max(200) }),
  },
  'connection.close': { ask: z.object({ tunnel: tunnelId, connection: z.number().int().min(0) }).strict(), answer: Nothing },
  /** The root or a leaf behind the current proxy: its resources are listed from then on. */
  'cluster.use': { ask: z.object({ cluster: text(256).min(1) }).strict(), answer: Nothing },
  'favourite.set': { ask: z.object({ resource: DatabaseIdShape, on: z.boolean() }).strict(), answer: Nothing },
  'settings.write': { ask: SettingsShape.partial().strict(), answer: SettingsShape },
  /** Programs for a database: found ones first, the last used at the top. */
  'tools.list': { ask: z.object({ resource: DatabaseIdShape }).strict(), answer: z.object({ tools: z.array(ToolShape) }) },
  /** Starts its tunnel when none runs. */
  'tools.open': { ask: z.object({ resource: DatabaseIdShape, tool: text(64).min(1) }).strict(), answer: Nothing },
  /** The newest `limit` lines at or above `level`, oldest first. */
  'log.read': {
    ask: z.object({ limit: z.number().int().min(1).max(2000), level: z.enum(['debug', 'info', 'warn', 'error']) }).strict(),
    answer: z.object({ entries: z.array(LogEntryShape) }),
  },
  /** Opens the system's save dialog. */
  'log.export': { ask: Nothing, answer: z.object({ saved: z.boolean() }) },
  /** Ends the process that holds the tunnels; what ran comes back with its next start. */
  'engine.stop': { ask: Nothing, answer: Nothing },
  'clipboard.copy': { ask: z.object({ text: text(4096) }).strict(), answer: Nothing },
  'notice.dismiss': { ask: z.object({ id: text(64) }).strict(), answer: Nothing },
} as const satisfies Record<string, { ask: z.ZodType; answer: z.ZodType }>

export type Question = keyof typeof contract
export type Ask<Q extends Question> = z.infer<(typeof contract)[Q]['ask']>
export type Answer<Q extends Question> = z.infer<(typeof contract)[Q]['answer']>
export type Answers = { readonly [Q in Question]: (ask: Ask<Q>) => Promise<Answer<Q>> }

export type Reply<Q extends Question> = { readonly ok: true; readonly value: Answer<Q> } | { readonly ok: false; readonly failure: Failure }

/** Answered by the desktop of the face that asks, never by an engine. */
export const SHELL_QUESTIONS = ['clipboard.copy', 'trust.choose', 'log.export'] as const satisfies readonly Question[]
export type EngineQuestion = Exclude<Question, (typeof SHELL_QUESTIONS)[number]>
export const ENGINE_QUESTIONS: readonly EngineQuestion[] = (Object.keys(contract) as Question[]).filter(
  (question): question is EngineQuestion => !SHELL_QUESTIONS.some(shell => shell === question),
)

/** What the preload puts on `window.portico`: exactly these two. */
export interface Bridge {
  ask<Q extends Question>(question: Q, ask: Ask<Q>): Promise<Reply<Q>>
  /** @returns its unsubscribe */
  onChange(listener: (change: Change) => void): () => void
}

export function isQuestion(value: unknown): value is Question {
  return typeof value === 'string' && Object.hasOwn(contract, value)
}
