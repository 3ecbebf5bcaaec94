import { useCallback, useEffect, useState } from 'react'
import type { DatabaseId } from '../../../../shared/ids.ts'
import type { Tool } from '../../../../shared/state.ts'
import { useAsk } from '../../../engine.ts'

/** Arrow keys pass over many databases: only where they rest is asked. */
const REST_MS = 120

/** Programs for a database, found ones first; undefined until they are known. `stamp`: asks again when it changes. */
export function useTools(resource: DatabaseId | undefined, stamp: string | null): readonly Tool[] | undefined {
  const ask = useAsk()
  const [found, setFound] = useState<{ readonly of: DatabaseId; readonly tools: readonly Tool[] }>()
  const read = useCallback(async (): Promise<void> => {
    if (resource === undefined) return
    const answer = await ask('tools.list', { resource })
    if (answer !== undefined) setFound({ of: resource, tools: answer.tools })
  }, [ask, resource])
  useEffect(() => {
    const timer = setTimeout(() => void read(), REST_MS)
    return () => clearTimeout(timer)
  }, [read, stamp])
  return found !== undefined && found.of === resource ? found.tools : undefined
}
