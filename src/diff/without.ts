/** A shallow copy of an object without some of its members. */
export function without(object: object, ...members: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !members.includes(key)));
}
