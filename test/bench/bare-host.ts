import { openBare, type BareProxy } from './bare-reader.ts'

/** Child process: reads rows when it is told how many, and says how many bytes came. */
process.once('message', (proxy: BareProxy) => {
  const bare = openBare(proxy)
  process.on('message', (rows: number) => {
    void bare.readAll(proxy.port, { kind: 'send', bytes: rows }).then(bytes => process.send!({ bytes }))
  })
  process.send!({ ready: true })
})
process.once('disconnect', () => process.exit(0))
