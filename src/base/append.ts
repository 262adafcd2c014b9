/** Adds any number of items to a list: `push(...more)` would put each on the stack. */
export function append<T>(list: T[], more: Iterable<T>): void {
  for (const item of more) list.push(item);
}
