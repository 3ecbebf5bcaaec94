import { z } from 'zod'
import type { Failure } from './errors.ts'
import { AppStateShape, DatabaseIdShape, ProfileShape, TunnelShape, type Change } from './state.ts'

/** Everything a face may ask of the engine. Adding a line here is a security review item. */

const text = (max: number) => z.string().max(max)
const Nothing = z.object({}).strict()
const proxyAddress = text(300).min(1)

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
      })
      .strict(),
    answer: TunnelShape,
  },
  'tunnel.stop': { ask: z.object({ tunnel: text(64).min(1) }).strict(), answer: Nothing },
  'clipboard.copy': { ask: z.object({ text: text(4096) }).strict(), answer: Nothing },
  'notice.dismiss': { ask: z.object({ id: text(64) }).strict(), answer: Nothing },
} as const satisfies Record<string, { ask: z.ZodType; answer: z.ZodType }>

export type Question = keyof typeof contract
export type Ask<Q extends Question> = z.infer<(typeof contract)[Q]['ask']>
export type Answer<Q extends Question> = z.infer<(typeof contract)[Q]['answer']>
export type Answers = { readonly [Q in Question]: (ask: Ask<Q>) => Promise<Answer<Q>> }

export type Reply<Q extends Question> = { readonly ok: true; readonly value: Answer<Q> } | { readonly ok: false; readonly failure: Failure }

/** What the preload puts on `window.portico`: exactly these two. */
export interface Bridge {
  ask<Q extends Question>(question: Q, ask: Ask<Q>): Promise<Reply<Q>>
  /** @returns its unsubscribe */
  onChange(listener: (change: Change) => void): () => void
}

export function isQuestion(value: unknown): value is Question {
  return typeof value === 'string' && Object.hasOwn(contract, value)
}
