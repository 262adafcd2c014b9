/**
 * The Lua scripts: everything that must be atomic in Redis. Redis runs a script alone and applies
 * its effects together, in memory, in the AOF and on replicas. A script reads and decides before it
 * writes, so that a refusal, and an error of the first write (out of memory, read-only), leave
 * nothing half done.
 *
 * Keys (one hash tag, so one slot):
 * - `{tag}:meta`            hash: epoch, phase, last, epochFloor, last:<resource>, floor:<resource>,
 *                           bytes:<resource> (of all changes so far), cut:<resource> (of those that
 *                           are no longer in the log)
 * - `{tag}:o:<resource>`    hash: key → `<version> <payload>`; a payload above storage version 1
 *                           begins with `s<storage version>:`
 * - `{tag}:log:<resource>`  stream: id `<version>-0`, a field `<A|M|D><key>` with the payload, and
 *                           `b` with bytes:<resource>
 * - `{tag}:lease:<name>`    hash: holder, token, expires (milliseconds)
 * - `{tag}:commit:<id>`     text that expires: `<first version> <last>` of a commit that happened,
 *                           `void` for one that never will
 *
 * Numbers are doubles in Lua: versions (microseconds) stay below 2^53 and are printed with "%.0f".
 */
import { createHash } from 'node:crypto';
import { COMMIT_MEMORY_MS } from '../limits.ts';

export interface RedisScript {
  readonly lua: string;
  readonly sha1: string;
}

const redisScript = (lua: string): RedisScript => ({
  lua,
  sha1: createHash('sha1').update(lua).digest('hex'),
});

/** The next version: past `last` and all that the caller saw, and not behind the clock. */
const NEXT_VERSION = `
local function nextVersion(last, floor)
  local time = redis.call('TIME')
  return math.max(last + 1, floor + 1, time[1] * 1000000 + time[2])
end
`;

/** Arguments before the names of the resources. */
const COMMIT_HEAD = 10;

/** Keys before those of the resources. */
const HEAD_KEYS = 3;

/**
 * KEYS: meta, lease (or meta), memory of the commit, then objects and log of each resource. ARGV:
 * epoch, seen, floor, fence token or '', log limit, log length at which to trim, bytes of log,
 * bytes at which to trim, ops, resources, the resources' names, then per op: c|u|d|k, number of the
 * resource, key, expected version or '', payload. Returns EPOCH | LOST | VOID | FENCE | REFUSED
 * index version ['newer'] | OK last first-version payloads of the deleted objects. A commit that
 * happened before answers as it did then, whoever leads by now.
 */
export const COMMIT = redisScript(`${NEXT_VERSION}
local function storageVersion(payload)
  return tonumber(string.match(payload, '^s(%d+):') or '1')
end
local state = redis.call('HMGET', KEYS[1], 'epoch', 'last')
if not state[1] or state[1] ~= ARGV[1] then return {'EPOCH'} end
local last = tonumber(state[2])
if last < tonumber(ARGV[2]) then return {'LOST'} end
local ops, resources = tonumber(ARGV[9]), tonumber(ARGV[10])
local base = ${COMMIT_HEAD} + resources
local done = redis.call('GET', KEYS[3])
if done == 'void' then return {'VOID'} end
if done then
  local first, lastOfCommit = string.match(done, '^(%d+) (%d+)$')
  local deleted, version = {}, tonumber(first) - 1
  for i = 0, ops - 1 do
    local at = base + i * 5
    if ARGV[at + 1] ~= 'k' then version = version + 1 end
    if ARGV[at + 1] == 'd' then
      local id = string.format('%.0f', version) .. '-0'
      local entry = redis.call('XRANGE', KEYS[${HEAD_KEYS} + 2 * ARGV[at + 2]], id, id)[1]
      deleted[#deleted + 1] = entry and entry[2][2] or ''
    end
  end
  return {'OK', lastOfCommit, first, deleted}
end
if ARGV[4] ~= '' then
  local lease, time = redis.call('HMGET', KEYS[2], 'holder', 'token', 'expires'), redis.call('TIME')
  local isHeld = lease[1] and lease[1] ~= '' and lease[2] == ARGV[4]
  if not isHeld or tonumber(lease[3]) <= time[1] * 1000 + math.floor(time[2] / 1000) then return {'FENCE'} end
end
local deleted, writes = {}, 0
for i = 0, ops - 1 do
  local at = base + i * 5
  local value = redis.call('HGET', KEYS[${HEAD_KEYS} - 1 + 2 * ARGV[at + 2]], ARGV[at + 3])
  local actual = value and string.match(value, '^%d+') or ''
  if actual ~= ARGV[at + 4] then return {'REFUSED', i, actual} end
  if ARGV[at + 1] == 'u' and storageVersion(string.sub(value, #actual + 2)) > storageVersion(ARGV[at + 5]) then
    return {'REFUSED', i, actual, 'newer'}
  end
  if ARGV[at + 1] ~= 'k' then writes = writes + 1 end
  if ARGV[at + 1] == 'd' then deleted[#deleted + 1] = string.sub(value, #actual + 2) end
end
if writes == 0 then return {'OK', state[2], state[2], {}} end
local version = nextVersion(last, tonumber(ARGV[3]))
local first = string.format('%.0f', version)
local newest, bytes, cut, removed = {}, {}, {}, 0
version = version - 1
for i = 0, ops - 1 do
  local at = base + i * 5
  local op, resource, key = ARGV[at + 1], tonumber(ARGV[at + 2]), ARGV[at + 3]
  if op ~= 'k' then
    version = version + 1
    local text = string.format('%.0f', version)
    local event, payload = 'A', ARGV[at + 5]
    local objects, log = KEYS[${HEAD_KEYS} - 1 + 2 * resource], KEYS[${HEAD_KEYS} + 2 * resource]
    if not bytes[resource] then
      local name = ARGV[${COMMIT_HEAD} + resource]
      local sizes = redis.call('HMGET', KEYS[1], 'bytes:' .. name, 'cut:' .. name)
      bytes[resource], cut[resource] = tonumber(sizes[1] or '0'), tonumber(sizes[2] or '0')
    end
    if op == 'd' then
      removed = removed + 1
      event, payload = 'D', deleted[removed]
      redis.call('HDEL', objects, key)
    else
      if op == 'u' then event = 'M' end
      redis.call('HSET', objects, key, text .. ' ' .. payload)
    end
    bytes[resource] = bytes[resource] + #key + #payload
    redis.call('XADD', log, text .. '-0', event .. key, payload, 'b', string.format('%.0f', bytes[resource]))
    newest[resource] = text
  end
end
for resource, text in pairs(newest) do
  local log, name = KEYS[${HEAD_KEYS} + 2 * resource], ARGV[${COMMIT_HEAD} + resource]
  redis.call('HSET', KEYS[1], 'last:' .. name, text, 'bytes:' .. name, string.format('%.0f', bytes[resource]))
  local length = redis.call('XLEN', log)
  if length > tonumber(ARGV[6]) or bytes[resource] - cut[resource] > tonumber(ARGV[8]) then
    length = math.min(length, tonumber(ARGV[5]))
    local oldest
    repeat
      redis.call('XTRIM', log, 'MAXLEN', length)
      oldest = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
      local field, sum = oldest[2], oldest[2][4]
      -- Entries of an older version of this script carry no sum: only their number is bounded.
      if sum then cut[resource] = tonumber(sum) - #field[1] + 1 - #field[2] end
      length = math.floor(length * 3 / 4)
    until length < 1 or bytes[resource] - cut[resource] <= tonumber(ARGV[7])
    local floor = string.format('%.0f', tonumber(string.match(oldest[1], '^%d+')) - 1)
    local gone = string.format('%.0f', cut[resource])
    redis.call('HSET', KEYS[1], 'floor:' .. name, floor, 'cut:' .. name, gone)
  end
end
local text = string.format('%.0f', version)
redis.call('HSET', KEYS[1], 'last', text)
redis.call('SET', KEYS[3], first .. ' ' .. text, 'PX', ${COMMIT_MEMORY_MS})
return {'OK', text, first, deleted}
`);

/**
 * KEYS: meta, objects. Returns epoch, last version and the objects of one moment. (Not MULTI: out
 * of memory, Redis refuses to queue even reads.)
 */
export const LIST = redisScript(
  `return {redis.call('HMGET', KEYS[1], 'epoch', 'last'), redis.call('HGETALL', KEYS[2])}`,
);

/** KEYS: meta. ARGV: next epoch and phase, expected ones ('' for none), floor. NO | OK last. */
export const SET_STATE = redisScript(`${NEXT_VERSION}
local state = redis.call('HMGET', KEYS[1], 'epoch', 'phase', 'last')
if (state[1] or '') ~= ARGV[3] or (state[2] or '') ~= ARGV[4] then return {'NO'} end
local last = state[3] or '0'
if state[1] ~= ARGV[1] then
  last = string.format('%.0f', nextVersion(tonumber(last), tonumber(ARGV[5])))
  redis.call('HSET', KEYS[1], 'epochFloor', last, 'last', last)
end
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'phase', ARGV[2])
return {'OK', last}
`);

/** KEYS: lease. ARGV: holder, time to live in ms. Returns token and expiry, or nothing. */
export const ACQUIRE_LEASE = redisScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lease = redis.call('HMGET', KEYS[1], 'holder', 'token', 'expires')
local holder, token = lease[1] or '', tonumber(lease[2] or '0')
if holder ~= '' and holder ~= ARGV[1] and tonumber(lease[3]) > now then return false end
if holder ~= ARGV[1] then token = math.max(token + 1, time[1] * 1000000 + time[2]) end
local text, expires = string.format('%.0f', token), string.format('%.0f', now + tonumber(ARGV[2]))
redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'token', text, 'expires', expires)
return {text, expires}
`);

/** KEYS: lease. ARGV: holder. The token stays, so that the next one is higher. */
export const RELEASE_LEASE = redisScript(`
if redis.call('HGET', KEYS[1], 'holder') == ARGV[1] then
  redis.call('HSET', KEYS[1], 'holder', '', 'expires', '0')
end
return 1
`);
