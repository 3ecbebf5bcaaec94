import css from './Kbd.module.css'

/** A key to press, for those who see; others get it by aria-keyshortcuts. */
export function Kbd({ children }: { readonly children: string }) {
  return (
    <kbd className={css['key']} aria-hidden="true">
      {children}
    </kbd>
  )
}
