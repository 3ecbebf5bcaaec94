import { useEffect, type RefObject } from 'react'

/** `/` and Ctrl F go to the search; keys that nobody has the focus for go to the list. */
export function useKeys(searchRef: RefObject<HTMLInputElement | null>, gridRef: RefObject<HTMLDivElement | null>): void {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.altKey || event.defaultPrevented) return
      const target = event.target
      const grid = gridRef.current
      const elsewhere = target instanceof HTMLElement && target.closest('[role=dialog], [role=menu]') !== null
      const find = (event.ctrlKey || event.metaKey) && event.key === 'f'
      if (!find && (event.ctrlKey || event.metaKey)) return
      if (!elsewhere && (find || (event.key === '/' && !(target instanceof HTMLInputElement)))) {
        event.preventDefault()
        searchRef.current?.focus()
        searchRef.current?.select()
      } else if (target === document.body && grid !== null && event.key !== 'Tab' && event.key !== 'Shift') {
        // Nothing has the focus: the keys are for the list.
        grid.focus({ preventScroll: true })
        if (!grid.dispatchEvent(new KeyboardEvent('keydown', { key: event.key, bubbles: true, cancelable: true }))) event.preventDefault()
      }
    }
    document.addEventListener('keydown', onKeyDown)
    return () => document.removeEventListener('keydown', onKeyDown)
  }, [searchRef, gridRef])
}
