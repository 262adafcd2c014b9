/**
 * Items of lists with a thousand of them, such as the addresses of Endpoints. An update keeps most
 * of them: the very objects that the stored object holds. These have passed all checks and have
 * their defaults, so that neither is done again. Nothing may write to such an item.
 */
import { isRecord } from '../base/json.ts';

const settled = new WeakSet<object>();

/** Call it for items of an object that passed all checks as it is stored. */
export function settle(items: readonly object[]): void {
  for (const item of items) settled.add(item);
}

export const isSettled = (item: unknown): boolean =>
  typeof item === 'object' && item !== null && settled.has(item);

/** Lists of settled items are not deep. Deeper parts, of a hostile object, are kept as they are. */
const MAX_DEPTH = 4;

/** The value without the settled items of its lists. */
export function withoutSettled(value: unknown, depth = 0): unknown {
  if (depth > MAX_DEPTH) return value;
  if (Array.isArray(value))
    return value.flatMap((item: unknown) => (isSettled(item) ? [] : [withoutSettled(item, depth + 1)]));
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, withoutSettled(member, depth + 1)]),
  );
}
