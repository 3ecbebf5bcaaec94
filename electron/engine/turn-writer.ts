import type { Duplex } from 'node:stream'

/**
 * TLS hands over one record at a time, often a few dozen bytes of one row: writing each to the local socket would cost a
 * system call a row. So what arrives within one turn of the event loop leaves as one write.
 *
 * All connections of a thread lay their bytes one behind the other into one slab. A write to a local socket nearly always
 * reaches the kernel at once, and then the slab is used again: no allocation, no list of chunks, nothing to collect.
 */

/** Written at once when this much is gathered. */
const JOIN_BYTES = 64 * 1024
const SLAB_BYTES = 256 * 1024

let slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
/** Where the next part goes. */
let used = 0
/** Writers that have bytes in `slab`. */
let holders = 0
/** A write out of `slab` is still under way: it cannot be used again, only up. */
let pinned = false

let gathered: TurnWriter[] = []
const flushGathered = (): void => {
  const turn = gathered
  gathered = []
  for (const writer of turn) writer.flush()
}

export class TurnWriter {
  readonly #from: Duplex
  readonly #to: Duplex
  readonly #queueBytes: number
  /** Its bytes of this turn: `#slab[#start, #end)`. */
  #slab: Buffer | undefined
  #start = 0
  #end = 0
  #gathered = false
  #paused = false

  /** @param queueBytes `from` is paused while more than this waits in `to` */
  constructor(from: Duplex, to: Duplex, queueBytes: number) {
    this.#from = from
    this.#to = to
    this.#queueBytes = queueBytes
  }

  /** Copies `part`. */
  push(part: Buffer): void {
    const { length } = part
    if (length > slab.length - used) {
      slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, length))
      used = holders = 0
      pinned = false
    }
    // Reads of one connection follow each other, so its bytes lie together; else they leave in two writes.
    if (this.#slab !== slab || this.#end !== used) {
      this.flush()
      this.#slab = slab
      this.#start = used
      holders++
      if (!this.#gathered) {
        this.#gathered = true
        if (gathered.push(this) === 1) setImmediate(flushGathered)
      }
    }
    slab.set(part, used)
    this.#end = used += length
    if (used - this.#start >= JOIN_BYTES) this.#write()
  }

  flush(): void {
    this.#gathered = false
    this.#write()
  }

  #write(): void {
    const from = this.#slab
    if (from === undefined) return
    this.#slab = undefined
    const to = this.#to
    if (to.writable) {
      const part = from.subarray(this.#start, this.#end)
      // Behind a queue it will not leave at once: it must not keep the whole slab.
      if (to.writableLength > 0) to.write(Buffer.from(part))
      else {
        to.write(part)
        if (to.writableLength > 0 && from === slab) pinned = true
      }
      if (!this.#paused && to.writableLength > this.#queueBytes) this.#wait()
    }
    if (from === slab && --holders === 0 && !pinned) used = 0
  }

  #wait(): void {
    this.#paused = true
    this.#from.pause()
    this.#to.once('drain', () => {
      this.#paused = false
      this.#from.resume()
    })
  }
}
