import { PorticoError } from '../../../shared/errors.ts'
import { GLOBALS, VERBS, type VerbRow } from '../program.ts'
import type { Run } from '../run.ts'

/** What may follow a path of verbs. */
interface Place {
  /** `tunnels start`; empty = `portico` itself. */
  readonly path: string
  readonly words: readonly string[]
}

const SHELLS: Readonly<Record<string, (places: readonly Place[]) => string>> = { bash, zsh, fish, powershell }

/** A script that completes verbs and flags, for the shell to read. */
export async function completion({ say }: Run, [shell = '']: readonly string[]): Promise<void> {
  const write = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined
  if (write === undefined)
    throw new PorticoError('usage/invalid', { why: `"${shell}" is no shell; it is one of ${Object.keys(SHELLS).join(', ')}` })
  const script = write(places('', VERBS, []))
  if (say.json) return say.value({ shell, script })
  say.text(...script.trimEnd().split('\n'))
}

const longFlags = (flags: readonly (readonly [flags: string, about: string])[]): readonly string[] =>
  flags.flatMap(([text]) => /--[a-z-]+/.exec(text)?.[0] ?? [])

function places(path: string, rows: readonly VerbRow[], flags: readonly string[]): readonly Place[] {
  const common = [...longFlags(GLOBALS), '--help']
  return [
    { path, words: [...rows.map(({ name }) => name), ...flags, ...common] },
    ...rows.flatMap(row => places(`${path} ${row.name}`.trim(), row.verbs ?? [], longFlags(row.flags ?? []))),
  ]
}

/** Names of verbs and flags hold nothing that a shell would read as its own. */
const cases = (all: readonly Place[], line: (place: Place) => string): string => all.map(line).join('\n')

function bash(all: readonly Place[]): string {
  return `_portico() {
  local word path='' words=''
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) case " $(_portico_words "$path") " in *" $word "*) path="\${path:+$path }$word" ;; esac ;; esac
  done
  words="$(_portico_words "$path")"
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
_portico_words() {
  case "$1" in
${cases(all, ({ path, words }) => `    '${path}') echo '${words.join(' ')}' ;;`)}
  esac
}
complete -o default -F _portico portico
`
}

function zsh(all: readonly Place[]): string {
  return `#compdef portico
_portico_words() {
  case "$1" in
${cases(all, ({ path, words }) => `    '${path}') echo '${words.join(' ')}' ;;`)}
  esac
}
_portico() {
  local word place='' found
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$word" in -*) continue ;; esac
    found=" $(_portico_words "$place") "
    case "$found" in *" $word "*) place="\${place:+$place }$word" ;; esac
  done
  compadd -- \${=$(_portico_words "$place")}
  _default
}
if [ "$funcstack[1]" = "_portico" ]; then _portico "$@"; else compdef _portico portico; fi
`
}

function fish(all: readonly Place[]): string {
  return `function __portico_words
  set -l place ''
  for word in (commandline -opc)[2..-1]
    string match -q -- '-*' $word; and continue
    set -l next (string trim "$place $word")
    contains -- $word (__portico_at $place); and set place $next
  end
  __portico_at $place
end
function __portico_at
  switch "$argv[1]"
${cases(all, ({ path, words }) => `    case '${path}'\n      printf '%s\\n' ${words.join(' ')}`)}
  end
end
complete -c portico -a '(__portico_words)'
`
}

function powershell(all: readonly Place[]): string {
  return `Register-ArgumentCompleter -Native -CommandName portico -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $places = @{
${cases(all, ({ path, words }) => `    '${path}' = '${words.join(' ')}'`)}
  }
  $place = ''
  foreach ($element in ($commandAst.CommandElements | Select-Object -Skip 1)) {
    $word = $element.ToString()
    if ($word.StartsWith('-') -or $element.Extent.EndOffset -ge $cursorPosition) { continue }
    if ($places[$place].Split(' ') -contains $word) { $place = "$place $word".Trim() }
  }
  $places[$place].Split(' ') | Where-Object { $_ -like "$wordToComplete*" } | ForEach-Object {
    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
  }
}
`
}
