/** What detection and start of programs depend on, so that every platform's way can be tried anywhere. */
export interface Machine {
  readonly platform: NodeJS.Platform
  readonly env: Readonly<Record<string, string | undefined>>
  /** The user's home folder. */
  readonly userHome: string
}
