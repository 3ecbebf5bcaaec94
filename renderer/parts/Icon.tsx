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
