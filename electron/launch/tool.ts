/** What a tool is told: an open tunnel, plain on loopback, without a password. */
export interface ToolTarget {
  /** The resource's name: what the connection is called in the tool. */
  readonly name: string
  readonly dbProtocol: string
  readonly host: string
  readonly port: number
  readonly databaseUser: string
  readonly databaseName: string
}

/** A file that a tool reads; 0600, in a folder of ours. */
export interface ToolFile {
  /** Relative, with `/`. */
  readonly path: string
  readonly content: string
}

export type ToolStart =
  /** `{folder}` in an argument stands for the folder that holds the files. */
  | { readonly how: 'arguments'; readonly args: readonly string[]; readonly files?: readonly ToolFile[] }
  /** For a program that registered itself for this kind of address. */
  | { readonly how: 'url'; readonly url: string }
  /** `args` of another program beside the tool's run to their end first, when the files changed since the last time. */
  | { readonly how: 'import'; readonly importer: Importer; readonly args: readonly string[]; readonly files: readonly ToolFile[] }
  /** The database's own client in the user's terminal. */
  | { readonly how: 'terminal' }

/** Program and script beside the tool's own program, relative to its folder. */
export type Importer = Readonly<Record<'linux' | 'darwin' | 'win32', readonly [program: string, script: string]>>

/** Where a tool may be installed. Order = preference. */
export interface ToolPlaces {
  /** Names on PATH, or of Flatpak and Snap exports. */
  readonly linux: readonly string[]
  /** Application bundles, without `.app`. */
  readonly darwin: readonly string[]
  /** Below Program Files or the user's local programs; `*` stands for one folder's name. */
  readonly win32: readonly string[]
}

export interface Tool {
  readonly id: string
  readonly title: string
  readonly protocols: readonly string[]
  /** undefined = a terminal client, found by the table of clients. */
  readonly places?: ToolPlaces
  /** @throws PorticoError `usage/invalid` for a name that the tool cannot be told */
  start(target: ToolTarget): ToolStart
}
