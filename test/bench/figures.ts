/** Tells one figure; with a goal, also whether it was met. */
export type Report = (name: string, value: number, unit: string, goal?: number, sense?: 'at most' | 'at least') => void

export const MB = 1024 * 1024

export const median = (values: readonly number[]): number => percentile(values, 50)

/** Of rounds that were neighbours: what the machine did meanwhile was unfair to both. */
export const medianRatio = (ours: readonly number[], theirs: readonly number[]): number =>
  median(ours.map((value, round) => value / theirs[round]!))

export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))]!
}

/**
 * The same work on every side in turns, so that a busy machine is unfair to all alike. A first round warms up, and who goes first changes.
 * @returns what each side's rounds gave, in the order of the sides
 */
export async function inTurns<Side, Found>(
  sides: readonly Side[],
  rounds: number,
  one: (side: Side) => Promise<readonly Found[]>,
): Promise<Found[][]> {
  const values: Found[][] = sides.map(() => [])
  for (let round = -1; round < rounds; round++) {
    for (let turn = 0; turn < sides.length; turn++) {
      const at = (turn + round + 1) % sides.length
      const found = await one(sides[at]!)
      if (round >= 0) values[at]!.push(...found)
    }
  }
  return values
}
