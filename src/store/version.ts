/**
 * Versions are integers below 2^53, written as decimal text: microseconds since the epoch stay
 * below that until 2255, so that JavaScript and Lua compute with them exactly.
 */
const DECIMAL = /^(?:0|[1-9]\d{0,15})$/;

/** The number of a `resourceVersion`; undefined when the text is not one. */
export function parseVersion(text: string): number | undefined {
  if (!DECIMAL.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Which of two versions is the later one. */
export function laterVersion(a: string, b: string): string {
  return Number(a) >= Number(b) ? a : b;
}
