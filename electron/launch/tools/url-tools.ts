import { clientUrl } from '../database-client.ts'
import type { Tool, ToolTarget } from '../tool.ts'

const urlOf = ({ dbProtocol, host, port, databaseUser, databaseName }: ToolTarget): string =>
  clientUrl({ dbProtocol, address: { host, port }, databaseUser, databaseName }) ?? ''

/** tableplus.com: opens any address that it knows the kind of; `name` is what it calls the tab. */
export const TABLEPLUS: Tool = {
  id: 'tableplus',
  title: 'TablePlus',
  protocols: ['postgres', 'cockroachdb', 'mysql', 'redis', 'mongodb'],
  places: { linux: ['tableplus'], darwin: ['TablePlus'], win32: ['TablePlus\\TablePlus.exe'] },
  start(target) {
    const url = new URL(urlOf(target))
    url.searchParams.set('name', target.name)
    return { how: 'url', url: url.href }
  },
}

/** Compass takes a connection string as its only argument. */
export const COMPASS: Tool = {
  id: 'compass',
  title: 'MongoDB Compass',
  protocols: ['mongodb'],
  places: {
    linux: ['mongodb-compass', 'com.mongodb.Compass'],
    darwin: ['MongoDB Compass'],
    win32: ['MongoDBCompass\\MongoDBCompass.exe', 'MongoDB Compass\\MongoDBCompass.exe'],
  },
  start: target => ({ how: 'arguments', args: [urlOf(target)] }),
}

/** Redis Insight registers `redisinsight://`, which adds the database by itself. */
export const REDIS_INSIGHT: Tool = {
  id: 'redis-insight',
  title: 'Redis Insight',
  protocols: ['redis'],
  places: {
    linux: ['redisinsight', 'com.redis.RedisInsight'],
    darwin: ['Redis Insight', 'RedisInsight'],
    win32: ['redisinsight\\Redis Insight.exe', 'Redis Insight\\Redis Insight.exe'],
  },
  start(target) {
    const asked = new URLSearchParams({ redisUrl: urlOf(target), databaseAlias: target.name })
    return { how: 'url', url: `redisinsight://databases/connect?${asked.toString()}` }
  },
}
