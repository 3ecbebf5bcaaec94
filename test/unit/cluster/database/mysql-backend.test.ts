import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createSecureContext } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import type { DatabaseResource } from '../../../../electron/cluster/database/database-resource.ts'
import { dialMysql, mysqlVersion } from '../../../../electron/cluster/database/engines/mysql-backend.ts'
import { PacketStream } from '../../../../electron/cluster/database/mysql-packets.ts'
import { serveTls } from '../../../../electron/cluster/router/tls-server.ts'
import { encodeError, encodeGreeting, encodeOk, encodePacket, readHandshakeResponse } from '../../../../electron/wire/mysql.ts'
import { commonNameOnly, issueCertificate, newKeyPair, openCaSigner, privateKeyPem, selfSignedCa } from '../../../../electron/wire/x509.ts'

const authority = await newKeyPair('ecdsa-p256')
const ca = await openCaSigner(selfSignedCa('db.test', authority, Date.now()), privateKeyPem(authority.privateKey))
const keys = await newKeyPair('ecdsa-p256')
const subject = { ca, subject: commonNameOnly('localhost'), publicKey: keys.publicKey, now: Date.now(), notAfter: Date.now() + 3_600_000 }
const keyPair = { key: privateKeyPem(keys.privateKey), cert: issueCertificate({ ...subject, dnsNames: ['localhost'], ipAddresses: [] }) }
const context = createSecureContext({ ca: ca.cert })
const login = { user: 'alice', database: 'shop', asked: undefined }

let server: Server | undefined
const sockets = new Set<Socket>()
afterEach(() => {
  for (const socket of sockets) socket.destroy()
  server?.close()
})

async function listening(serve: (socket: Socket) => unknown): Promise<DatabaseResource> {
  server = createServer(socket => {
    sockets.add(socket.on('error', () => {}))
    void serve(socket)
  })
  await new Promise<void>(resolve => server!.listen(0, '127.0.0.1', resolve))
  const uri = `localhost:${(server.address() as AddressInfo).port}`
  const tls = { mode: 'verify-full', caCert: undefined, serverName: undefined } as const
  return { name: 'm', description: '', dbProtocol: 'mysql', uri, labels: {}, tls }
}

const greeting = (tls: boolean): Buffer => encodeGreeting({ version: '9.9.9-test', connectionId: 7, salt: Buffer.alloc(20, 65), tls })

/** A server that greets, starts TLS, reads the login, and then says its lines, each after an answer. @returns what it heard */
function scripted(...lines: readonly Buffer[]): Promise<readonly [DatabaseResource, Buffer[]]> {
  const heard: Buffer[] = []
  const serve = async (socket: Socket): Promise<void> => {
    socket.write(greeting(true))
    await new PacketStream(socket, false).read(5_000)
    const { stream } = await serveTls(socket, { keyPair, clientCas: [], clientCertificate: 'none', deadlineMs: 5_000 })
    await talk(stream)
  }
  const talk = async (stream: Duplex): Promise<void> => {
    const packets = new PacketStream(stream, false)
    heard.push(await packets.read(5_000))
    for (const [index, line] of lines.entries()) {
      stream.write(line)
      if (index < lines.length - 1) heard.push(await packets.read(5_000))
    }
  }
  return listening(socket => serve(socket).catch(() => {})).then(database => [database, heard] as const)
}

const authSwitch = (plugin: string): Buffer => encodePacket(3, Buffer.from(`\u00fe${plugin}\0${'s'.repeat(20)}\0`, 'latin1'))

describe('a login to a MySQL server', () => {
  it('names user and database, and says no password by any plugin that can', async () => {
    const [database, heard] = await scripted(
      authSwitch('caching_sha2_password'),
      encodePacket(5, Buffer.from([1, 4])),
      Buffer.concat([encodeOk(7), Buffer.from('rest')]),
    )
    const { server: stream, greeting: found } = await dialMysql(database, context, login)
    expect(found).toMatchObject({ version: '9.9.9-test', connectionId: 7 })
    expect(heard.length).toBe(3)
    expect(readHandshakeResponse(heard[0]!)).toMatchObject({ user: 'alice', database: 'shop', plugin: 'mysql_native_password' })
    expect(heard.slice(1).map(String)).toEqual(['\0', '\0'])
    // What comes with OK is the session's.
    expect(String(stream.read())).toBe('rest')
    stream.destroy()
  })

  it('answers the native plugin with an empty packet', async () => {
    const [database, heard] = await scripted(authSwitch('mysql_native_password'), encodeOk(5))
    const { server: stream } = await dialMysql(database, context, login)
    expect(heard[1]).toHaveLength(0)
    stream.destroy()
  })

  it.each([
    ['a plugin that knows no empty password', [authSwitch('client_ed25519')], 'client_ed25519'],
    ['a refusal', [encodeError(3, { code: 1_045, sqlState: '28000', message: 'Access denied' })], 'ERROR 1045 (28000): Access denied'],
    ['an unknown database', [encodeError(3, { code: 1_049, sqlState: '42000', message: 'Unknown database' })], 'Unknown database'],
    ['plugins without end', Array.from({ length: 9 }, () => authSwitch('mysql_native_password')), 'asks for a password'],
    ['something else', [encodePacket(3, Buffer.from([0x77]))], 'asks for a password'],
  ])('tells of %s', async (_what, lines, words) => {
    const [database] = await scripted(...lines)
    await expect(dialMysql(database, context, login)).rejects.toMatchObject({ name: 'Refusal', message: expect.stringContaining(words) })
  })

  it('does not go on without TLS, nor with a server that is too full to greet', async () => {
    const clear = await listening(socket => socket.write(greeting(false)))
    await expect(dialMysql(clear, context, login)).rejects.toMatchObject({ message: 'the database does not offer TLS' })
    const full = await listening(socket => socket.end(encodePacket(0, Buffer.from('\u00ff\u0010\u0004Too many connections', 'latin1'))))
    await expect(dialMysql(full, context, login)).rejects.toMatchObject({ message: 'Too many connections' })
    const foreign = await listening(socket => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    await expect(dialMysql(foreign, context, login)).rejects.toMatchObject({ name: 'Refusal' })
  })

  it('asks for the version alone', async () => {
    expect(await mysqlVersion(await listening(socket => socket.write(greeting(true))))).toBe('9.9.9-test')
  })
})
