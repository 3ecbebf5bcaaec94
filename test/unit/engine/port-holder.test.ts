import { describe, expect, it } from 'vitest'
import { parseLsof } from '../../../electron/engine/port-holder-darwin.ts'
import { listeningInodes } from '../../../electron/engine/port-holder-linux.ts'
import { parseNetstat } from '../../../electron/engine/port-holder-windows.ts'

describe('who holds a port', () => {
  it('is found in the table of Linux by port and listening state', () => {
    const table = [
      '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
      '   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 23456 1 0000000000000000 100 0 0 10 0',
      '   1: 0100007F:1538 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 23457 1 0000000000000000 20 4 30 10 -1',
      '   2: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 23458 1 0000000000000000 100 0 0 10 0',
    ].join('\n')
    expect(listeningInodes(table, 5432)).toEqual(['23456'])
    expect(listeningInodes(table, 80)).toEqual(['23458'])
    expect(listeningInodes('', 80)).toEqual([])
  })

  it('is read from lsof on macOS', () => {
    expect(parseLsof('p4711\ncpostgres\nf5\n')).toEqual({ pid: 4711, program: 'postgres' })
    expect(parseLsof('')).toBeUndefined()
  })

  it('is read from netstat on Windows, in any language', () => {
    const text =
      '\r\nAktive Verbindungen\r\n\r\n  TCP    127.0.0.1:5432   127.0.0.1:50000  HERGESTELLT  99\r\n  TCP    127.0.0.1:5432   0.0.0.0:0   ABHÖREN   4711\r\n'
    expect(parseNetstat(text, 5432)).toBe(4711)
    expect(parseNetstat(text, 432)).toBeUndefined()
  })
})
