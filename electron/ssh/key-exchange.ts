import { randomBytes } from 'node:crypto'
import { PorticoError } from '../../shared/errors.ts'
import { plainAlgorithm } from '../wire/ssh-signature.ts'
import {
  agree,
  CIPHERS,
  HOST_KEY_ALGORITHMS,
  KEX_METHODS,
  MACS,
  offerOf,
  type Agreement,
  type AlgorithmChoice,
  type KexMethod,
} from './algorithms.ts'
import { ctrOpener, ctrSealer } from './ctr-cipher.ts'
import { malformed, sshFailure } from './failures.ts'
import { gcmOpener, gcmSealer } from './gcm-cipher.ts'
import { MESSAGE } from './messages/message-number.ts'
import {
  decodeEcdhInit,
  decodeEcdhReply,
  decodeKexInit,
  encodeEcdhInit,
  encodeEcdhReply,
  encodeKexInit,
  type AlgorithmLists,
  type KexInit,
} from './messages/transport-messages.ts'
import type { PacketOpener, PacketSealer } from './packet-cipher.ts'
import { decodePublicKey, fitsAlgorithm, isSignedWith, type SshPublicKey } from './public-key.ts'
import { deriveKey, exchangeHash, newEphemeral, type Ephemeral } from './shared-secret.ts'
import type { SshSigner } from './signer.ts'

/** Who we are in the transport. */
export type TransportRole =
  | {
      readonly side: 'client'
      /** Asked once, in the first exchange; throws (or rejects with) the reason to refuse. */
      verifyHost(key: SshPublicKey): void | Promise<void>
      /** Names to ask for, best first. Default: all, certificates before plain keys. */
      readonly hostKeyAlgorithms?: readonly string[]
    }
  | { readonly side: 'server'; readonly hostKeys: readonly SshSigner[] }

export interface ExchangeContext {
  readonly role: TransportRole
  readonly choice: AlgorithmChoice
  readonly ourVersion: string
  /** Known by the time that the peer's KEXINIT is. */
  peerVersion(): string
  /** Of the first exchange; undefined in it. */
  readonly session: { readonly id: Buffer; readonly hostKey: Buffer } | undefined
  send(payload: Buffer): void
}

export interface NewKeys {
  readonly sessionId: Buffer
  /** The server's key; a server does not look at its own. */
  readonly hostKey: SshPublicKey | undefined
  readonly hostKeyBlob: Buffer
  readonly agreement: Agreement
  readonly opener: PacketOpener
  readonly sealer: PacketSealer
}

const STRICT = { client: 'kex-strict-c-v00@openssh.com', server: 'kex-strict-s-v00@openssh.com' } as const
const EXT_INFO = 'ext-info-c'

/** One exchange of keys, from our KEXINIT to the keys themselves. RFC 4253 7–8, OpenSSH: PROTOCOL 1.10 (strict) */
export class KeyExchange {
  readonly #context: ExchangeContext
  readonly #offer: AlgorithmLists
  readonly ourInit: Buffer
  #peerInit: Buffer | undefined
  #agreed: { agreement: Agreement; method: KexMethod; ephemeral: Ephemeral } | undefined
  #skipNext = false
  #done = false

  constructor(context: ExchangeContext) {
    this.#context = context
    const { role, session, choice } = context
    const first = session === undefined
    const markers = !first ? [] : role.side === 'client' ? [EXT_INFO, STRICT.client] : [STRICT.server]
    const hostKeys = role.side === 'client' ? (role.hostKeyAlgorithms ?? HOST_KEY_ALGORITHMS) : role.hostKeys.flatMap(key => key.algorithms)
    this.#offer = offerOf(choice, hostKeys, markers)
    this.ourInit = encodeKexInit(randomBytes(16), this.#offer)
  }

  /** True once the peer's KEXINIT came: until its NEWKEYS it may send nothing else. */
  get peerBegan(): boolean {
    return this.#peerInit !== undefined
  }

  /** @returns what matters of the first KEXINIT @throws PorticoError ssh/no-common-algorithm, wire/malformed */
  takeInit(payload: Buffer): { readonly strict: boolean; readonly wantsExtInfo: boolean } {
    if (this.peerBegan) throw malformed('a second KEXINIT came')
    const peer = decodeKexInit(payload)
    this.#peerInit = payload
    const side = this.#context.role.side
    const agreement = side === 'client' ? agree(this.#offer, peer, 'client') : agree(peer, this.#offer, 'server')
    const method = KEX_METHODS.get(agreement.kex)
    if (method === undefined) throw new PorticoError('ssh/no-common-algorithm', { what: 'key exchange', theirs: peer.kex.slice(0, 40) })
    this.#skipNext = peer.firstPacketFollows && guessedWrong(peer, agreement)
    const ephemeral = newEphemeral(method)
    this.#agreed = { agreement, method, ephemeral }
    if (side === 'client') this.#context.send(encodeEcdhInit(ephemeral.publicValue))
    return { strict: peer.kex.includes(STRICT[side === 'client' ? 'server' : 'client']), wantsExtInfo: peer.kex.includes(EXT_INFO) }
  }

  /** @returns undefined for a wrong guess that is passed over @throws PorticoError wire/malformed, ssh/host-refused */
  async take(payload: Buffer): Promise<NewKeys | undefined> {
    if (this.#agreed === undefined || this.#done) throw malformed('a message of the key exchange came too early')
    if (this.#skipNext) {
      this.#skipNext = false
      return undefined
    }
    const { role } = this.#context
    if (payload[0] !== (role.side === 'server' ? MESSAGE.ecdhInit : MESSAGE.ecdhReply))
      throw malformed('a message of the key exchange is out of place')
    this.#done = true
    return role.side === 'server' ? this.#answer(payload, role.hostKeys) : this.#verify(payload, role.verifyHost)
  }

  async #answer(payload: Buffer, hostKeys: readonly SshSigner[]): Promise<NewKeys> {
    const { agreement, ephemeral } = this.#agreed!
    const clientValue = decodeEcdhInit(payload)
    const secret = ephemeral.agree(clientValue)
    const hostKey = hostKeys.find(({ algorithms }) => algorithms.includes(agreement.hostKey))!
    const exchange = this.#hash(hostKey.blob, clientValue, ephemeral.publicValue, secret)
    const signature = await hostKey.sign(plainAlgorithm(agreement.hostKey), exchange)
    this.#context.send(encodeEcdhReply({ hostKey: hostKey.blob, serverValue: ephemeral.publicValue, signature }))
    return this.#newKeys(secret, exchange, hostKey.blob, undefined)
  }

  async #verify(payload: Buffer, verifyHost: (key: SshPublicKey) => void | Promise<void>): Promise<NewKeys> {
    const { agreement, ephemeral } = this.#agreed!
    const reply = decodeEcdhReply(payload)
    const secret = ephemeral.agree(reply.serverValue)
    const exchange = this.#hash(reply.hostKey, ephemeral.publicValue, reply.serverValue, secret)
    const hostKey = decodePublicKey(reply.hostKey)
    if (!fitsAlgorithm(hostKey, agreement.hostKey)) throw sshFailure('ssh/host-refused', 'the server shows another kind of key than agreed')
    if (!isSignedWith(hostKey, agreement.hostKey, exchange, reply.signature))
      throw sshFailure('ssh/host-refused', 'the server does not have the key that it shows')
    const before = this.#context.session?.hostKey
    if (before === undefined) await askedAbout(hostKey, verifyHost)
    else if (!before.equals(reply.hostKey)) throw sshFailure('ssh/host-refused', 'the server changed its key')
    return this.#newKeys(secret, exchange, reply.hostKey, hostKey)
  }

  #hash(hostKey: Buffer, clientValue: Buffer, serverValue: Buffer, secret: Buffer): Buffer {
    const { role, ourVersion, peerVersion } = this.#context
    const [ours, theirs] = [
      { version: ourVersion, init: this.ourInit },
      { version: peerVersion(), init: this.#peerInit! },
    ]
    const [client, server] = role.side === 'client' ? [ours, theirs] : [theirs, ours]
    return exchangeHash(this.#agreed!.method.hash, {
      clientVersion: client.version,
      serverVersion: server.version,
      clientInit: client.init,
      serverInit: server.init,
      hostKey,
      clientValue,
      serverValue,
      secret,
    })
  }

  #newKeys(secret: Buffer, exchange: Buffer, hostKeyBlob: Buffer, hostKey: SshPublicKey | undefined): NewKeys {
    const { agreement, method } = this.#agreed!
    const sessionId = this.#context.session?.id ?? exchange
    const ingredients = { secret, exchange, session: sessionId }
    const way = (names: Agreement['toServer'], [iv, key, macKey]: readonly [string, string, string]) => {
      const [cipher, mac] = [CIPHERS.get(names.cipher)!, names.mac === undefined ? undefined : MACS.get(names.mac)!]
      const derive = (letter: string, length: number): Buffer => deriveKey(method.hash, ingredients, letter, length)
      return { cipher, mac, iv: derive(iv, cipher.ivLength), key: derive(key, cipher.keyLength), macKey: derive(macKey, mac?.length ?? 0) }
    }
    const toServer = way(agreement.toServer, ['A', 'C', 'E'])
    const toClient = way(agreement.toClient, ['B', 'D', 'F'])
    const [out, back] = this.#context.role.side === 'client' ? [toServer, toClient] : [toClient, toServer]
    return {
      sessionId,
      hostKey,
      hostKeyBlob,
      agreement,
      opener:
        back.mac === undefined
          ? gcmOpener(back.cipher, back.key, back.iv)
          : ctrOpener(back.cipher, back.mac, back.key, back.iv, back.macKey),
      sealer: out.mac === undefined ? gcmSealer(out.cipher, out.key, out.iv) : ctrSealer(out.cipher, out.mac, out.key, out.iv, out.macKey),
    }
  }
}

const guessedWrong = (peer: KexInit, { kex, hostKey }: Agreement): boolean => peer.kex[0] !== kex || peer.hostKey[0] !== hostKey

async function askedAbout(hostKey: SshPublicKey, verifyHost: (key: SshPublicKey) => void | Promise<void>): Promise<void> {
  try {
    await verifyHost(hostKey)
  } catch (thrown) {
    if (thrown instanceof PorticoError) throw thrown
    throw sshFailure('ssh/host-refused', thrown instanceof Error ? thrown.message : String(thrown), thrown)
  }
}
