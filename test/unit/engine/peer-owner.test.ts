import { describe, expect, it } from 'vitest'
import type { Socket } from 'node:net'
import { parseConnections } from '../../../electron/engine/peer-owner-darwin.ts'
import { findRows, keysOf, type TableRow } from '../../../electron/engine/peer-owner-linux.ts'
import { openPeerOwners, type LookUp } from '../../../electron/engine/peer-owner.ts'
import { parseOwners } from '../../../electron/engine/peer-owner-windows.ts'

/** As Linux 6.18 prints them, one line cut at the end of a page. */
const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 77001 1 0000000000000000 100 0 0 10 0
   1: 0100007F:D3A4 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1001        0 77002 1 0000000000000000 20 4 30 10 -1
   2: 0100007F:1F90 0100007F:D3A4 01 00000000:00000000 00:00000000 00000000  1000        0 77003 1 0000000000000000 20 4 30 10 -1
   3: 0100007F:D3A6 0100007F:1F90 06 00000000:00000000 03:00000F3A 00000000     0        0 0 3 0000000000000000
`

const peer = (clientAddress: string, clientPort: number, serverAddress: string, serverPort: number) => ({
  clientAddress,
  clientPort,
  serverAddress,
  serverPort,
})

describe('the table of Linux', () => {
  it('names both ends as the kernel prints them, also for a program with a socket of both families', () => {
    expect(keysOf(peer('127.0.0.1', 0xd3a4, '127.0.0.1', 8080))).toEqual({
      tcp: '0100007F:D3A4 0100007F:1F90',
      tcp6: '0000000000000000FFFF00000100007F:D3A4 0000000000000000FFFF00000100007F:1F90',
    })
    expect(keysOf(peer('::1', 1, '::1', 65_535))).toEqual({
      tcp: undefined,
      tcp6: '00000000000000000000000001000000:0001 00000000000000000000000001000000:FFFF',
    })
  })

  it("finds the program's end of a connection, not ours", () => {
    const found = new Map<string, TableRow>()
    const wanted = new Set(['0100007F:D3A4 0100007F:1F90', '0100007F:D3A6 0100007F:1F90', '0100007F:0001 0100007F:1F90'])
    findRows(TABLE, wanted, found)
    expect([...found]).toEqual([
      ['0100007F:D3A4 0100007F:1F90', { uid: 1001, inode: '77002' }],
      ['0100007F:D3A6 0100007F:1F90', { uid: 0, inode: '0' }],
    ])
    expect([...wanted]).toEqual(['0100007F:0001 0100007F:1F90'])
  })

  it('makes nothing of text that is no table', () => {
    for (const text of ['', '\n\n', 'no table', ': ', '0: 1 2', TABLE.slice(0, 150)]) {
      const found = new Map<string, TableRow>()
      findRows(text, new Set(['x']), found)
      expect(found.size).toBe(0)
    }
  })
})

it('reads what lsof prints on macOS', () => {
  const text =
    'p501\ncpsql\nu502\nf5\nn127.0.0.1:54321->127.0.0.1:24017\np9\ncPortico\nu502\nf7\nn127.0.0.1:24017->127.0.0.1:54321\nf8\nn[::1]:1->[::1]:2\n'
  const seen = parseConnections(text)
  expect(seen.get('54321>24017')).toEqual({ pid: 501, program: 'psql', uid: 502 })
  expect(seen.get('24017>54321')).toEqual({ pid: 9, program: 'Portico', uid: 502 })
  expect(seen.get('1>2')?.pid).toBe(9)
  expect(parseConnections('rubbish\nn\nnx->y').size).toBe(0)
})

it('reads what Windows tells; an owner that it hides is somebody else', () => {
  const seen = parseOwners('S-1-5-21-1\r\n50000>24017\t4242\tS-1-5-21-1\tpsql.exe\r\n50001>24017\t7\t\tservice.exe\r\nhalf a line\r\n')
  expect(seen.get('50000>24017')).toEqual({ pid: 4242, program: 'psql.exe', isOurs: true })
  expect(seen.get('50001>24017')).toEqual({ pid: 7, program: 'service.exe', isOurs: false })
  expect(parseOwners('').size).toBe(0)
  expect(parseOwners('\n1>2\t3\t\tx').get('1>2')?.isOurs).toBe(false)
})

describe('looking up owners', () => {
  const socket = (port: number): Socket =>
    ({ remoteAddress: '127.0.0.1', remotePort: port, localAddress: '127.0.0.1', localPort: 1 }) as unknown as Socket
  const ours = { isOurs: true, program: async () => ({ pid: 1, program: 'a' }) }

  it('looks once for all that come while a look is under way', async () => {
    const sizes: number[] = []
    const lookUp: LookUp = async peers => {
      sizes.push(peers.length)
      await new Promise(resolve => setTimeout(resolve, 10))
      return peers.map(() => ours)
    }
    const owners = openPeerOwners(() => {}, lookUp)
    const found = await Promise.all(Array.from({ length: 500 }, (_, n) => owners.ownerOf(socket(n + 1))))
    expect(sizes).toEqual([1, 499])
    expect(found.every(({ state }) => state === 'ours')).toBe(true)
  })

  it('looks three times before it says that nobody is there', async () => {
    let looks = 0
    const owners = openPeerOwners(
      () => {},
      async ([{ clientPort } = { clientPort: 0 }]) => {
        looks++
        return [clientPort === 2 && looks === 5 ? ours : undefined]
      },
    )
    expect(await owners.ownerOf(socket(1))).toEqual({ state: 'nobody' })
    expect(looks).toBe(3)
    expect((await owners.ownerOf(socket(2))).state).toBe('ours')
  })

  it('lets everybody in where there is no table, and says so once; a look that failed for once lets nobody in', async () => {
    const told: unknown[] = []
    const missing = openPeerOwners(
      error => told.push(error),
      () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOENT' })),
    )
    expect((await missing.ownerOf(socket(1))).state).toBe('ours')
    expect((await missing.ownerOf(socket(2))).state).toBe('ours')
    expect(told).toHaveLength(1)
    const failing = openPeerOwners(
      error => told.push(error),
      () => Promise.reject(Object.assign(new Error('late'), { code: 'ETIMEDOUT' })),
    )
    expect((await failing.ownerOf(socket(1))).state).toBe('nobody')
    expect(told).toHaveLength(1)
  })
})
