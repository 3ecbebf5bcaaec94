/** Every path of ours on this machine, from PORTICO_HOME or the system's convention. design.md 9 */
export interface Home {
  readonly root: string
  readonly stateFile: string
  readonly settingsFile: string
  readonly vault: string
  /** What passthrough clients must read in clear (0700). */
  readonly files: string
  readonly logs: string
  readonly lab: string
  /** Folder for unix sockets (0700), or undefined on Windows. Whole socket paths stay ≤ 100 bytes. */
  readonly sockets: string | undefined
}
