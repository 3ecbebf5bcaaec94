import { findHolderDarwin } from './port-holder-darwin.ts'
import { findHolderLinux } from './port-holder-linux.ts'
import { findHolderWindows } from './port-holder-windows.ts'

/** Who listens on a port. */
export interface PortHolder {
  readonly pid: number
  readonly program: string
}

/** @returns undefined where the system does not tell: another user's process, no permission, an unknown system */
export async function findPortHolder(port: number, platform: NodeJS.Platform = process.platform): Promise<PortHolder | undefined> {
  try {
    if (platform === 'linux') return await findHolderLinux(port)
    if (platform === 'darwin') return await findHolderDarwin(port)
    if (platform === 'win32') return await findHolderWindows(port)
    return undefined
  } catch {
    // A courtesy only: the error that is being explained must not be hidden by a second one.
    return undefined
  }
}
