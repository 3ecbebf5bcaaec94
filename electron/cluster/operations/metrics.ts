/**
 * Counters and gauges in Prometheus' text format 0.0.4. Label values come from closed lists only: a stranger must not be able to make
 * new ones.
 */
export interface Counter {
  add(count: number, ...labels: readonly string[]): void
}

interface Family {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge'
  readonly samples: () => Iterable<readonly [labels: string, value: number]>
}

export class Metrics {
  readonly #families: Family[] = []

  /** @param labelNames one value each is given to `add`; a counter without labels is there from the start, as 0 */
  counter(name: string, help: string, labelNames: readonly string[] = []): Counter {
    const values = new Map<string, number>()
    if (labelNames.length === 0) values.set('', 0)
    this.#families.push({ name, help, type: 'counter', samples: () => values })
    return {
      add(count, ...labels) {
        const key = labelText(labelNames, labels)
        values.set(key, (values.get(key) ?? 0) + count)
      },
    }
  }

  /** Asked at each scrape. */
  gauge(name: string, help: string, read: () => number): void {
    this.#families.push({ name, help, type: 'gauge', samples: () => [['', read()]] })
  }

  /** As `gauge`, one value for each value of a label. @param type `counter` for what only grows */
  byLabel(
    name: string,
    help: string,
    label: string,
    read: () => Iterable<readonly [string, number]>,
    type: Family['type'] = 'gauge',
  ): void {
    const samples = function* (): Generator<readonly [string, number]> {
      for (const [value, count] of read()) yield [labelText([label], [value]), count]
    }
    this.#families.push({ name, help, type, samples })
  }

  text(): string {
    let text = ''
    for (const { name, help, type, samples } of this.#families) {
      text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`
      for (const [labels, value] of samples()) text += `${name}${labels} ${value}\n`
    }
    return text
  }
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' }

function labelText(names: readonly string[], values: readonly string[]): string {
  if (names.length === 0) return ''
  return `{${names.map((name, index) => `${name}="${(values[index] ?? '').replace(/[\\"\n]/g, found => ESCAPES[found]!)}"`).join(',')}}`
}
