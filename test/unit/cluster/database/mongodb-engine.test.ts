import { PassThrough } from 'node:stream'
import { expect, it } from 'vitest'
import { readMongoUri } from '../../../../electron/cluster/database/engines/mongodb-backend.ts'
import { ReplyGate } from '../../../../electron/cluster/database/engines/reply-gate.ts'
import { encodeMsg } from '../../../../electron/wire/mongodb.ts'

it('an answer of our own never stands inside one of the server’s', async () => {
  const theirs = Buffer.concat([encodeMsg(1, 2, { a: 'one' }), encodeMsg(2, 3, { b: 'two' })])
  const ours = encodeMsg(9, 9, { ours: true })
  const border = theirs.readInt32LE(0)
  for (let at = 0; at <= theirs.length; at++) {
    const [server, client] = [new PassThrough(), new PassThrough()]
    const gate = new ReplyGate(server, client)
    if (at > 0) {
      server.write(theirs.subarray(0, at))
      await new Promise(resolve => setImmediate(resolve))
    }
    gate.insert(ours)
    server.end(theirs.subarray(at))
    await gate.ended
    const said = client.read() as Buffer
    const place = at === 0 ? 0 : at <= border ? border : theirs.length
    expect(said.equals(Buffer.concat([theirs.subarray(0, place), ours, theirs.subarray(place)]))).toBe(true)
  }
})

it('where a MongoDB is, and which server of it, comes from its uri', () => {
  expect(readMongoUri('host:1')).toEqual({ servers: ['host:1'], kinds: undefined })
  expect(readMongoUri('mongodb://u:p@host/db?tlsCAFile=/x')).toEqual({ servers: ['host'], kinds: undefined })
  expect(readMongoUri('mongodb://a:1,b:2/?readPreference=secondaryPreferred')).toEqual({
    servers: ['a:1', 'b:2'],
    kinds: ['secondary', 'primary'],
  })
  expect(readMongoUri('mongodb://a,b').kinds).toEqual(['primary'])
  expect(() => readMongoUri('mongodb+srv://a')).toThrow('name the servers')
  expect(() => readMongoUri('mongodb://a,b/?readPreference=x')).toThrow('unknown read preference')
})
