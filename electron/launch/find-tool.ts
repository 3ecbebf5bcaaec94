import { findToolDarwin } from './find-tool-darwin.ts'
import { findToolLinux } from './find-tool-linux.ts'
import { findToolWindows } from './find-tool-windows.ts'
import type { Machine } from './machine.ts'
import type { ToolPlaces } from './tool.ts'

/** An installed program: how it is started with arguments, and with an address. */
export interface FoundTool {
  readonly withArguments: readonly string[]
  readonly withUrl: readonly string[]
  /** The folder (macOS: the bundle) that its parts lie in. */
  readonly folder: string
}

/** @returns undefined when it is not installed where such programs are */
export function findTool(places: ToolPlaces, machine: Machine): Promise<FoundTool | undefined> {
  if (machine.platform === 'win32') return findToolWindows(places.win32, machine)
  if (machine.platform === 'darwin') return findToolDarwin(places.darwin, machine)
  return findToolLinux(places.linux, machine)
}
