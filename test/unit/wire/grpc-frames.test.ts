import { expect, test } from 'vitest'
import { grpcFrame, GrpcFrameReader } from '../../../electron/wire/grpc-frames.ts'
import { decodeGrpcMessage, encodeGrpcMessage } from '../../../electron/wire/grpc-status.ts'

const messages = [Buffer.from('first'), Buffer.alloc(0), Buffer.alloc(70_000, 7)]
const bytes = Buffer.concat(messages.map(grpcFrame))

test.each([1, 2, 3, 4, 5, 6, 7, 1000, bytes.length])('reads frames that come %i bytes at a time', size => {
  const reader = new GrpcFrameReader()
  const got: Buffer[] = []
  for (let at = 0; at < bytes.length; at += size) got.push(...reader.push(bytes.subarray(at, at + size)))
  expect(got.map(one => one.toString('hex'))).toEqual(messages.map(one => one.toString('hex')))
  expect(reader.atBoundary).toBe(true)
})

test('refuses a message over the limit by its header alone', () => {
  expect(() => new GrpcFrameReader(100).push(grpcFrame(Buffer.alloc(101)).subarray(0, 5))).toThrow(
    expect.objectContaining({ code: 'wire/too-long', facts: { what: 'gRPC message', length: 101, limit: 100 } }),
  )
})

test('refuses compression and knows when a stream ended in mid-message', () => {
  expect(() => new GrpcFrameReader().push(Buffer.from([1, 0, 0, 0, 0]))).toThrow(/compressed/)
  const reader = new GrpcFrameReader()
  reader.push(Buffer.from([0, 0]))
  expect(reader.atBoundary).toBe(false)
})

test('status messages survive the trip through a header', () => {
  const text = '100% of café\n"quoted" ü'
  expect(encodeGrpcMessage(text)).toMatch(/^[\x20-\x7e]*$/)
  expect(decodeGrpcMessage(encodeGrpcMessage(text))).toBe(text)
  expect(decodeGrpcMessage('50% off')).toBe('50% off')
})
