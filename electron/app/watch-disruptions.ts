import { networkInterfaces } from 'node:os'

export interface DisruptionNeeds {
  now(): number
  /** The machine slept, its clock was set, or its network changed: what was known may be wrong. */
  onDisruption(what: 'clock' | 'network'): void
  /** Milliseconds that only ever grow. Default: the system's. */
  readonly steady?: () => number
  /** What the machine's addresses are now. Default: the system's. */
  readonly addresses?: () => string
}

const EVERY_MS = 1_000
/** The two clocks part by this much only when somebody moved one, or while the machine sleeps. */
const JUMP_MS = 2_000
/** Systems whose steady clock goes on in sleep: then it is the timer that comes late. A busy machine is late too, but not so much. */
const LATE_MS = 5_000

/** Notices once a second whether the world is another one than before. */
export function watchDisruptions({ now, onDisruption, steady = () => performance.now(), addresses = systemAddresses }: DisruptionNeeds): {
  look(): void
  close(): void
} {
  let [wasNow, wasSteady, wasAddresses] = [now(), steady(), addresses()]
  const look = (): void => {
    const [isNow, isSteady, isAddresses] = [now(), steady(), addresses()]
    const passed = isSteady - wasSteady
    const jumped = Math.abs(isNow - wasNow - passed) > JUMP_MS || passed > LATE_MS
    const moved = isAddresses !== wasAddresses
    ;[wasNow, wasSteady, wasAddresses] = [isNow, isSteady, isAddresses]
    if (jumped) onDisruption('clock')
    else if (moved) onDisruption('network')
  }
  const timer = setInterval(look, EVERY_MS)
  timer.unref()
  return { look, close: () => clearInterval(timer) }
}

function systemAddresses(): string {
  try {
    return Object.values(networkInterfaces())
      .flatMap(list => list ?? [])
      .filter(({ internal }) => !internal)
      .map(({ address }) => address)
      .sort()
      .join(' ')
  } catch {
    return '' // not told on this system
  }
}
