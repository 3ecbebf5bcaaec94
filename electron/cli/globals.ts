/** Flags that every verb understands. cli.md "Everywhere" */
export interface Globals {
  readonly proxy?: string
  readonly cluster?: string
  readonly user?: string
  readonly json?: boolean
  readonly quiet?: boolean
  readonly debug?: boolean
  readonly caFile?: string
  readonly caPin?: string
  readonly insecure?: boolean
}

/** Where the built command lies; only the entry knows (chunks lie elsewhere). */
export interface Place {
  readonly version: string
  /** The built command itself. */
  readonly entry: string
  /** The data plane's bundle. */
  readonly workerFile: URL
}
