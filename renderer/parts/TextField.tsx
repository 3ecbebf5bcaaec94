import { useId, type ComponentProps, type ReactNode } from 'react'
import css from './TextField.module.css'

interface TextFieldProps extends Omit<ComponentProps<'input'>, 'onChange'> {
  readonly label: string
  readonly hideLabel?: boolean
  readonly mono?: boolean
  readonly hint?: ReactNode
  readonly onText: (value: string) => void
}

export function TextField({ label, hideLabel = false, mono = false, hint, onText, ...rest }: TextFieldProps) {
  const id = useId()
  return (
    <div className={css['field']}>
      <label htmlFor={id} className={hideLabel ? 'heard' : css['label']}>
        {label}
      </label>
      <input
        {...rest}
        id={id}
        className={css['input']}
        data-mono={mono}
        spellCheck={false}
        autoCapitalize="off"
        autoCorrect="off"
        onChange={event => onText(event.target.value)}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
      />
      {hint !== undefined && (
        <p id={`${id}-hint`} className={css['hint']}>
          {hint}
        </p>
      )}
    </div>
  )
}
