const PATHS = {
  search: (
    <>
      <circle cx="7" cy="7" r="4.3" />
      <path d="m10.2 10.2 3.3 3.3" />
    </>
  ),
  running: <path d="M1.5 8.5h3l2-5 3 9 2-4h3" />,
  databases: (
    <>
      <ellipse cx="8" cy="3.7" rx="5" ry="2.1" />
      <path d="M3 3.7v8.6c0 1.2 2.2 2.1 5 2.1s5-.9 5-2.1V3.7M3 8c0 1.2 2.2 2.1 5 2.1S13 9.2 13 8" />
    </>
  ),
  play: <path d="M5 3.5v9l7-4.5z" />,
  close: <path d="m4 4 8 8m0-8-8 8" />,
  down: <path d="m5 6.5 3 3 3-3" />,
  check: <path d="m3.5 8.5 3 3 6-7" />,
  warn: <path d="M8 2.2 14.4 13.5H1.6zM8 6.6v3.2m0 1.6v.3" />,
  back: <path d="m9.5 4-4 4 4 4" />,
  favourites: <path d="m8 1.9 1.8 3.9 4.2.5-3.1 2.9.8 4.2L8 11.3l-3.7 2.1.8-4.2L2 6.3l4.2-.5z" />,
  favourite: <path d="m8 1.9 1.8 3.9 4.2.5-3.1 2.9.8 4.2L8 11.3l-3.7 2.1.8-4.2L2 6.3l4.2-.5z" fill="currentColor" />,
  settings: (
    <>
      <path d="M2 4.5h6m3.4 0H14M2 11.5h2.6m3.4 0h6" />
      <circle cx="9.7" cy="4.5" r="1.7" />
      <circle cx="6.3" cy="11.5" r="1.7" />
    </>
  ),
  log: <path d="M3 3.5h10M3 6.5h6.5M3 9.5h10M3 12.5h4.5" />,
  cluster: (
    <>
      <rect x="2.2" y="2.6" width="11.6" height="4.4" rx="1.2" />
      <rect x="2.2" y="9" width="11.6" height="4.4" rx="1.2" />
      <path d="M4.7 4.8h.1m-.1 6.4h.1" />
    </>
  ),
  enter: <path d="M12.5 4v3.2a2 2 0 0 1-2 2h-7m2.6-2.8L3.3 9.2l2.8 2.8" />,
  theme: (
    <>
      <circle cx="8" cy="8" r="5.4" />
      <path d="M8 2.6a5.4 5.4 0 0 1 0 10.8z" fill="currentColor" />
    </>
  ),
  go: <path d="M3 8h9.5m-3.8-3.8L12.5 8l-3.8 3.8" />,
  plus: <path d="M8 3.5v9M3.5 8h9" />,
} as const

/** Drawn here, so that no font or file is needed; always beside a word or an accessible name. */
export function Icon({ name, size = 16 }: { readonly name: keyof typeof PATHS; readonly size?: number }) {
  return (
    <svg
      viewBox="0 0 16 16"
      width={size}
      height={size}
      fill="none"
      stroke="currentColor"
      strokeWidth="1.4"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {PATHS[name]}
    </svg>
  )
}
