/** Small, quick and the same for the same seed. Numerical Recipes' generator. */
export class Dice {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** 0 … bound - 1 */
  next(bound: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((this.#state / 0x1_0000_0000) * bound)
  }

  one<T>(items: readonly T[]): T {
    return items[this.next(items.length)]!
  }
}

const BOUNDARIES = [0, 1, 2, 3, 4, 5, 7, 8, 0x0a, 0x0d, 0x14, 0x16, 0x20, 0x7f, 0x80, 0xfe, 0xff] as const

/** A few changes of one seed: bytes, lengths, cuts, repeats, another seed's end. */
export function mutate(dice: Dice, seeds: readonly Buffer[]): Buffer {
  let bytes = Buffer.from(dice.one(seeds))
  for (let changes = 1 + dice.next(4); changes > 0; changes--) {
    if (bytes.length === 0) return Buffer.from([dice.next(256)])
    const at = dice.next(bytes.length)
    switch (dice.next(8)) {
      case 0:
        bytes[at] = dice.next(256)
        break
      case 1:
        bytes[at] = dice.one(BOUNDARIES)
        break
      case 2:
        bytes[at] = bytes[at]! ^ (1 << dice.next(8))
        break
      case 3:
        bytes = bytes.subarray(0, at)
        break
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + dice.next(4))])
        break
      case 5:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at, at + dice.next(16)), bytes.subarray(at)])
        break
      case 6:
        bytes = Buffer.concat([bytes.subarray(0, at), dice.one(seeds).subarray(dice.next(24))])
        break
      default:
        if (at + 1 < bytes.length)
          bytes.writeUInt16BE((dice.next(2) === 0 ? dice.next(65_536) : Math.max(0, bytes.length - at - dice.next(8))) & 0xffff, at)
    }
  }
  return bytes
}
