/** Values as JSON carries them: without members that are `undefined`. */

/** Parts that are known to be plain. Objects of one template share most of their parts. */
const known = new WeakSet<object>();

/** The value as its JSON would be parsed: itself where nothing would be lost. */
export const plainJson = <T>(value: T): T =>
  isPlain(value) ? value : (JSON.parse(JSON.stringify(value)) as T);

function isPlain(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return value !== undefined;
  if (known.has(value)) return true;
  for (const member of Array.isArray(value) ? value : Object.values(value)) if (!isPlain(member)) return false;
  known.add(value);
  return true;
}
