import { z } from 'zod'
import { formatAddress, parseAddress, type Address } from '../../shared/address.ts'
import { PorticoError } from '../../shared/errors.ts'
import type { Ping } from './client.ts'
import { serverWords } from './client-errors.ts'
import { errorText, type WebAnswer } from './web-request.ts'

/** `/webapi/ping`. wire/webapi.md 3; Teleport: api/client/webclient/webclient.go */

/** Go writes null, or nothing, for what is not set. */
const text = z
  .string()
  .nullish()
  .transform(value => value ?? '')

const PingShape = z.object({
  auth: z
    .object({
      type: text,
      // Very old servers: true and false.
      second_factor: z
        .union([z.string(), z.boolean()])
        .nullish()
        .transform(value => (typeof value === 'boolean' ? (value ? 'on' : 'off') : (value ?? ''))),
    })
    .nullish(),
  proxy: z
    .object({
      tls_routing_enabled: z.boolean().nullish(),
      ssh: z.object({ public_addr: text }).nullish(),
    })
    .nullish(),
  server_version: text,
  min_client_version: text,
  cluster_name: z.string().min(1).max(256),
})

/** Where old setups listen; a public address without port means it. */
const OLD_WEB_PORT = 3080

/**
 * @param asked the address that gave the answer
 * @throws PorticoError `proxy/not-teleport`, `proxy/answer` (the proxy's words in facts.why)
 */
export function readPing(answer: WebAnswer, asked: Address): Ping {
  const proxy = formatAddress(asked)
  const elsewhere = answer.status >= 300 && answer.status < 400 ? answer.headers.location : undefined
  if (elsewhere !== undefined) {
    // Teleport takes a name that is not its own for an application's and shows the way to its own. wire/webapi.md 1
    throw new PorticoError('proxy/not-teleport', { proxy, why: `it points to ${serverWords(originOf(elsewhere))}; try that address` })
  }
  const value = parse(answer.text)
  const found = PingShape.safeParse(value)
  if (answer.status === 200 && found.success) return pingOf(found.data, asked)
  if (typeof value === 'object' && value !== null && 'error' in value && answer.status !== 404)
    throw new PorticoError('proxy/answer', { proxy, why: errorText(answer) })
  throw new PorticoError('proxy/not-teleport', {
    proxy,
    why: answer.status === 200 ? 'its answer is not one a proxy gives' : `it answers ${errorText(answer)}`,
  })
}

function pingOf(ping: z.infer<typeof PingShape>, asked: Address): Ping {
  return {
    cluster: ping.cluster_name,
    serverVersion: ping.server_version,
    minClientVersion: ping.min_client_version,
    authType: ping.auth?.type ?? '',
    secondFactor: ping.auth?.second_factor ?? '',
    webProxy: webAddress(ping.proxy?.ssh?.public_addr ?? '', asked),
    tlsRouting: ping.proxy?.tls_routing_enabled ?? false,
  }
}

/** The host of the public address names the profile; an address that only a server can listen on gives its port alone. wire/webapi.md 3.1 */
export function webAddress(publicAddr: string, asked: Address): Address {
  const announced =
    publicAddr === ''
      ? undefined
      : (parseAddress(publicAddr, OLD_WEB_PORT) ??
        parseAddress(`${asked.host.includes(':') ? `[${asked.host}]` : asked.host}${publicAddr}`, OLD_WEB_PORT))
  if (announced === undefined) return asked
  return ['0.0.0.0', '::'].includes(announced.host) ? { host: asked.host, port: announced.port } : announced
}

/** 13 of `13.0.0-dev`; 0 when it is no version. */
export function majorVersion(version: string): number {
  return Number(/^v?(\d{1,4})\./.exec(version)?.[1] ?? 0)
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

function originOf(location: string): string {
  try {
    return new URL(location).host
  } catch {
    return location
  }
}
