import { readdirSync, readFileSync } from 'node:fs'

const read = (file: string): string => {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return '' // it ended meanwhile
  }
}

/** A process and all that descend from it. man 5 proc_pid_stat */
export function processTree(root: number): number[] {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    const stat = Number.isInteger(pid) ? read(`/proc/${pid}/stat`) : ''
    if (stat === '') continue
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
    children.set(parent, [...(children.get(parent) ?? []), pid])
  }
  const tree = [root]
  for (const pid of tree) tree.push(...(children.get(pid) ?? []))
  return tree
}

/** Memory of a process and its descendants, shared pages counted in parts, MB. man 5 proc_pid_smaps_rollup */
export function pssOf(root: number): number {
  let kilobytes = 0
  for (const pid of processTree(root)) kilobytes += Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0)
  return kilobytes / 1024
}
