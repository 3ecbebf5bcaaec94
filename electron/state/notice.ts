/** Something that a person should read once. Same shape as in shared/state.ts. */
export interface Notice {
  readonly id: string
  readonly text: string
}
