/** Which rows the list holds before the search. */
export type View = 'databases' | 'running' | 'favourites'

/** What the window shows right of the sidebar. */
export type Place = View | 'settings' | 'log'

export function isView(place: Place): place is View {
  return place !== 'settings' && place !== 'log'
}
