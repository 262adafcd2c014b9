/** EVALSHA, or EVAL where the server lacks the script (after a restart or failover). */
import { createHash } from 'node:crypto';
import type { RedisArgument, RedisLink } from './connect.ts';
import type { RedisScript } from './redis-scripts.ts';

const hashes = new WeakMap<RedisScript, string>();

function hashOf(script: RedisScript): string {
  let hash = hashes.get(script);
  if (!hash) {
    hash = createHash('sha1').update(script.lua).digest('hex');
    hashes.set(script, hash);
  }
  return hash;
}

export async function runScript(
  redis: RedisLink,
  script: RedisScript,
  keys: readonly string[],
  args: readonly RedisArgument[],
): Promise<unknown> {
  try {
    return await redis.call('EVALSHA', hashOf(script), keys.length, ...keys, ...args);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return await redis.call('EVAL', script.lua, keys.length, ...keys, ...args);
  }
}
