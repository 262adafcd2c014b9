/** EVALSHA, or EVAL where the server lacks the script (after a restart or failover). */
import type { RedisArgument, RedisLink } from './connect.ts';
import type { RedisScript } from './redis-scripts.ts';

export async function runScript(
  redis: RedisLink,
  script: RedisScript,
  keys: readonly string[],
  args: readonly RedisArgument[],
): Promise<unknown> {
  try {
    return await redis.call('EVALSHA', script.sha1, keys.length, ...keys, ...args);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return await redis.call('EVAL', script.lua, keys.length, ...keys, ...args);
  }
}
