/** Hosts of listeners and routes. `*.` stands for one label or more. Pure. */

/** The host that both mean; undefined where there is none. */
function common(one: string, other: string): string | undefined {
  if (one === other) return one;
  if (one.startsWith('*.') && other.endsWith(one.slice(1))) return other;
  return other.startsWith('*.') && one.endsWith(other.slice(1)) ? one : undefined;
}

/**
 * The hosts that a route takes at a listener. Undefined: it takes none. Empty: it takes every host,
 * as neither names one.
 */
export function commonHostnames(
  listener: string | undefined,
  route: readonly string[] | undefined,
): readonly string[] | undefined {
  const own = route ?? [];
  if (listener === undefined || listener === '') return own;
  if (own.length === 0) return [listener];
  const found = new Set(own.flatMap((hostname) => common(listener, hostname) ?? []));
  return found.size > 0 ? [...found] : undefined;
}
