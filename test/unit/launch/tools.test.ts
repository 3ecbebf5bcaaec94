import { expect, it } from 'vitest'
import type { ToolStart, ToolTarget } from '../../../electron/launch/tool.ts'
import { TOOLS, toolsFor } from '../../../electron/launch/tools.ts'

const target: ToolTarget = {
  name: 'orders',
  dbProtocol: 'postgres',
  host: 'localhost',
  port: 24017,
  databaseUser: 'alice',
  databaseName: 'shop',
}
const start = (id: string, more: Partial<ToolTarget> = {}): ToolStart => TOOLS.find(tool => tool.id === id)!.start({ ...target, ...more })

it.each(['psql', 'mysql', 'mongosh', 'redis-cli'])('opens %s in a terminal', id => {
  expect(start(id)).toEqual({ how: 'terminal' })
})

it('tells DBeaver everything, so that it asks for nothing', () => {
  expect(start('dbeaver')).toEqual({
    how: 'arguments',
    args: [
      '-con',
      'driver=postgres-jdbc|name=orders|host=localhost|port=24017|database=shop|user=alice|password=|savePassword=true|connect=true|create=true|save=false',
    ],
  })
})

it('does not let a name with a bar add settings of its own to DBeaver', () => {
  expect(() => start('dbeaver', { databaseName: 'shop|url=jdbc:h2:mem' })).toThrow(expect.objectContaining({ code: 'usage/invalid' }))
})

it('opens DataGrip on a project that holds the data source', () => {
  const found = start('datagrip', { name: `a<"b'&c`, databaseUser: 'al&ice' })
  if (found.how !== 'arguments') throw new Error('it takes a folder')
  expect(found.args).toEqual(['{folder}'])
  const [shared, local] = found.files!
  expect(shared).toMatchObject({ path: '.idea/dataSources.xml' })
  expect(shared!.content).toContain('name="a&#60;&#34;b&#39;&#38;c"')
  expect(shared!.content).toContain('<jdbc-url>jdbc:postgresql://localhost:24017/shop?user=al%26ice</jdbc-url>')
  expect(local!.content).toContain('<user-name>al&#38;ice</user-name>')
  const uuid = /uuid="([^"]+)"/
  expect(uuid.exec(shared!.content)![1]).toBe(uuid.exec(local!.content)![1])
})

it('gives TablePlus an address with a name', () => {
  expect(start('tableplus')).toEqual({ how: 'url', url: 'postgres://alice@localhost:24017/shop?name=orders' })
})

it('imports one server into pgAdmin', () => {
  const found = start('pgadmin')
  if (found.how !== 'import') throw new Error('it imports')
  expect(found.args).toEqual(['load-servers', '{folder}/servers.json'])
  expect(JSON.parse(found.files[0]!.content)).toEqual({
    Servers: {
      1: {
        Name: 'orders',
        Group: 'Portico',
        Host: 'localhost',
        Port: 24017,
        Username: 'alice',
        MaintenanceDB: 'shop',
        ConnectionParameters: { sslmode: 'disable', connect_timeout: 10 },
      },
    },
  })
})

it('opens a query tab of MySQL Workbench', () => {
  expect(start('mysql-workbench', { dbProtocol: 'mysql' })).toEqual({ how: 'arguments', args: ['--query', 'alice@localhost:24017'] })
})

it('gives Compass a connection string', () => {
  const { args } = start('compass', { dbProtocol: 'mongodb' }) as Extract<ToolStart, { how: 'arguments' }>
  expect(args).toHaveLength(1)
  expect(args[0]).toMatch(/^mongodb:\/\/localhost:24017\/shop/)
})

it('adds a database to Redis Insight by its own address', () => {
  const { url } = start('redis-insight', { dbProtocol: 'redis', databaseName: '' }) as Extract<ToolStart, { how: 'url' }>
  const { protocol, searchParams } = new URL(url)
  expect(protocol).toBe('redisinsight:')
  expect(searchParams.get('redisUrl')).toMatch(/^redis:\/\/localhost:24017/)
  expect(searchParams.get('databaseAlias')).toBe('orders')
})

it('offers for a protocol only what speaks it', () => {
  expect(toolsFor('postgres').map(({ id }) => id)).toEqual(['psql', 'dbeaver', 'datagrip', 'tableplus', 'pgadmin'])
  expect(toolsFor('mysql').map(({ id }) => id)).toEqual(['mysql', 'dbeaver', 'datagrip', 'tableplus', 'mysql-workbench'])
  expect(toolsFor('redis').map(({ id }) => id)).toEqual(['redis-cli', 'tableplus', 'redis-insight'])
  expect(toolsFor('oracle')).toEqual([])
})
