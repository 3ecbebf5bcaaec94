import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { agree, HOST_KEY_ALGORITHMS, offerOf } from '../../../electron/ssh/algorithms.ts'
import { checkHostCertificate } from '../../../electron/ssh/check-certificate.ts'
import { MESSAGE } from '../../../electron/ssh/messages/message-number.ts'
import { decodeEcdhInit, decodeEcdhReply, decodeKexInit, encodeKexInit } from '../../../electron/ssh/messages/transport-messages.ts'
import { PacketReader } from '../../../electron/ssh/packet-reader.ts'
import { decodePublicKey, fitsAlgorithm } from '../../../electron/ssh/public-key.ts'
import { VersionLine } from '../../../electron/ssh/version-line.ts'
import { parseSshKey } from '../../../electron/wire/ssh-keys.ts'
import { readSshSignature } from '../../../electron/wire/ssh-signature.ts'
import { PorticoError } from '../../../shared/errors.ts'

const here = (name: string): Buffer => readFileSync(new URL(name, import.meta.url))

interface Packet {
  readonly message: number
  readonly kex: string[]
  readonly host_key: string[]
  readonly enc_c2s: string[]
  readonly enc_s2c: string[]
  readonly mac_c2s: string[]
  readonly mac_s2c: string[]
  readonly host_key_blob_bytes: number
  readonly signature_algorithm: string
}
const fields = (name: string) => JSON.parse(here(name).toString()) as { version_line: string; packets: Packet[] }

/** Version and payloads, of bytes that come in pieces of this length. */
function readCapture(bytes: Buffer, from: 'client' | 'server', piece: number): { version: string; payloads: Buffer[] } {
  const [line, reader] = [new VersionLine(from, 8192), new PacketReader(257 * 1024)]
  const payloads: Buffer[] = []
  let version: string | undefined
  for (let at = 0; at < bytes.length; at += piece) {
    let chunk = bytes.subarray(at, at + piece)
    if (version === undefined) {
      const found = line.push(chunk)
      if (found === undefined) continue
      ;({ version, rest: chunk } = found)
    }
    reader.push(chunk)
    for (let payload = reader.next(); payload !== undefined; payload = reader.next()) payloads.push(payload)
  }
  return { version: version!, payloads }
}

const CAPTURES = [
  ['ssh-agent-to-proxy.clear', 'client'],
  ['ssh-proxy-to-agent.clear', 'server'],
] as const

test.each(CAPTURES)('reads %s whole and byte by byte', (name, from) => {
  const [bytes, told] = [here(`${name}.bin`), fields(`${name}.json`)]
  const whole = readCapture(bytes, from, bytes.length)
  expect(readCapture(bytes, from, 1)).toEqual(whole)
  expect(whole.version).toBe(told.version_line)
  expect(whole.payloads.map(payload => payload[0])).toEqual(told.packets.map(packet => packet.message))
  const [init, packet] = [decodeKexInit(whole.payloads[0]!), told.packets[0]!]
  expect(init).toEqual({
    kex: packet.kex,
    hostKey: packet.host_key,
    cipherToServer: packet.enc_c2s,
    cipherToClient: packet.enc_s2c,
    macToServer: packet.mac_c2s,
    macToClient: packet.mac_s2c,
    compressionToServer: ['none'],
    compressionToClient: ['none'],
    firstPacketFollows: false,
  })
  expect(encodeKexInit(whole.payloads[0]!.subarray(1, 17), init)).toEqual(whole.payloads[0])
})

test('agrees with the captured proxy and with the captured OpenSSH client', () => {
  const proxy = decodeKexInit(readCapture(here('server-ident-kexinit.bin'), 'server', 4096).payloads[0]!)
  expect(agree(offerOf({}, HOST_KEY_ALGORITHMS, []), proxy, 'client')).toEqual({
    kex: 'curve25519-sha256',
    hostKey: 'rsa-sha2-512-cert-v01@openssh.com',
    toServer: { cipher: 'aes128-gcm@openssh.com', mac: undefined },
    toClient: { cipher: 'aes128-gcm@openssh.com', mac: undefined },
  })
  const openssh = decodeKexInit(readCapture(here('proxysites-client-to-server.bin').subarray(0, 1620), 'client', 4096).payloads[0]!)
  expect(openssh.kex).toContain('kex-strict-c-v00@openssh.com')
  expect(agree(openssh, offerOf({}, ['rsa-sha2-512-cert-v01@openssh.com'], []), 'server').kex).toBe('curve25519-sha256')
})

test('reads the key exchange of the captured proxy: the algorithm has the certificate suffix, the signature does not', () => {
  const [init, reply] = [
    readCapture(here('ssh-agent-to-proxy.clear.bin'), 'client', 4096).payloads[1]!,
    readCapture(here('ssh-proxy-to-agent.clear.bin'), 'server', 4096).payloads[1]!,
  ]
  expect(decodeEcdhInit(init)).toHaveLength(32)
  const { hostKey, serverValue, signature } = decodeEcdhReply(reply)
  const told = fields('ssh-proxy-to-agent.clear.json').packets[1]!
  expect([hostKey.length, serverValue.length, readSshSignature(signature).algorithm]).toEqual([
    told.host_key_blob_bytes,
    32,
    told.signature_algorithm,
  ])
  const key = decodePublicKey(hostKey)
  expect(key.type).toBe('ssh-rsa-cert-v01@openssh.com')
  expect(
    ['rsa-sha2-512-cert-v01@openssh.com', 'rsa-sha2-512', 'ssh-ed25519-cert-v01@openssh.com'].map(name => fitsAlgorithm(key, name)),
  ).toEqual([true, false, false])
})

test('the captured proxy and node certificates are checked like any other, for ever valid', () => {
  const ca = parseSshKey(/ssh-rsa [A-Za-z0-9+/=]+/.exec(here('root-host-ca.ssh.txt').toString())![0])
  const check = (name: string, principal: string): string => {
    const key = decodePublicKey(Buffer.from(here(name).toString().split(' ')[1]!, 'base64'))
    return checkHostCertificate(key, { cas: [ca], principal, now: 4e15 }).kind
  }
  expect(check('root-proxy-host.ssh-cert.pub', 'localhost')).toBe('host')
  expect(check('root-node1-host.ssh-cert.pub', 'node1.root.example')).toBe('host')
  expect(() => check('root-node1-host.ssh-cert.pub', 'node2')).toThrow('node2 is not in the certificate')
  expect(() => check('root-alice-login.ssh-cert.pub', 'root')).toThrow('the certificate is for a user, not for a host')
})

test('a KEXINIT cut short anywhere is refused', () => {
  const payload = readCapture(here('server-ident-kexinit.bin'), 'server', 4096).payloads[0]!
  // The last four bytes are reserved.
  for (let length = 1; length < payload.length - 4; length++) expect(() => decodeKexInit(payload.subarray(0, length))).toThrow(PorticoError)
  expect(MESSAGE.kexInit).toBe(payload[0])
})
