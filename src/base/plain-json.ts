/** Values as JSON carries them: without `undefined`, and without numbers that are none. */

/** Parts that are known to be plain. Objects of one template share most of their parts. */
const known = new WeakSet<object>();

/** The value as its JSON would be parsed: itself where nothing would be lost. */
export const plainJson = <T>(value: T): T =>
  isPlain(value, 0) ? value : (JSON.parse(JSON.stringify(value)) as T);

/** Objects share the members of their spec and metadata. To remember each part costs too much. */
const SHARED_DEPTH = 2;

function isPlain(value: unknown, depth: number): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || value === null) return value !== undefined;
  if (depth === SHARED_DEPTH && known.has(value)) return true;
  for (const name in value)
    if (!isPlain((value as Readonly<Record<string, unknown>>)[name], depth + 1)) return false;
  if (depth === SHARED_DEPTH) known.add(value);
  return true;
}
