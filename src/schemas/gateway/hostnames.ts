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

/** Whether all hosts that the second stands for are ones that the first stands for. */
export const coversHost = (one: string, other: string): boolean =>
  one === '' || one === other || (one.startsWith('*.') && other.endsWith(one.slice(1)));

/** Names before wildcards, longer wildcards before shorter ones, and these before no hostname. */
export function isMoreSpecific(one: string, other: string | undefined): boolean {
  if (other === undefined || other === '') return one !== '';
  const isWild = (text: string): boolean => text.startsWith('*.');
  return isWild(one) === isWild(other) ? one.length > other.length : isWild(other);
}
