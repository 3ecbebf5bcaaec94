import type { Run } from '../run.ts'

export async function version({ say, place }: Run): Promise<void> {
  const electron = process.versions['electron'] ?? null
  if (say.json) return say.value({ version: place.version, node: process.versions.node, electron })
  say.text(`portico ${place.version} (node ${process.versions.node}${electron === null ? '' : `, electron ${electron}`})`)
}
