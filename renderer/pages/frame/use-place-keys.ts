import { useEffect } from 'react'
import type { Place } from '../places.ts'

/** Ctrl/⌘ K opens and closes the palette, Ctrl/⌘ , the settings: on every page, not over another dialog. */
export function usePlaceKeys(setPalette: (next: (open: boolean) => boolean) => void, setPlace: (place: Place) => void): void {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return
      if (event.key !== 'k' && event.key !== ',') return
      event.preventDefault()
      if (event.key === ',') setPlace('settings')
      else if (document.querySelector('[role=dialog]:not([data-palette])') === null) setPalette(open => !open)
    }
    document.addEventListener('keydown', onKeyDown)
    return () => document.removeEventListener('keydown', onKeyDown)
  }, [setPalette, setPlace])
}
