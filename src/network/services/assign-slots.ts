/**
 * The endpoint that each slot of a service port leads to. Pure. Slots keep their endpoints where
 * shares stay equal by that: an endpoint that comes or goes changes its own slots only.
 */

/** `before` answers where a slot led, if it was there. `targets` are different and at least one. */
export function assignSlots(
  count: number,
  targets: readonly string[],
  before: (slot: number) => string | undefined,
): readonly string[] {
  const share = Math.floor(count / targets.length);
  /** This many endpoints have one slot more. */
  let extra = count % targets.length;
  const load = new Map(targets.map((target) => [target, 0]));
  const takes = (target: string): boolean => {
    const held = load.get(target) ?? Infinity;
    if (held > share || (held === share && extra === 0)) return false;
    if (held === share) extra -= 1;
    load.set(target, held + 1);
    return true;
  };
  const kept = Array.from({ length: count }, (_, slot) => {
    const target = before(slot);
    return target !== undefined && takes(target) ? target : undefined;
  });
  let next = 0;
  return kept.map((target) => {
    if (target !== undefined) return target;
    // The endpoints have room for all slots together.
    while (!takes(targets[next]!)) next += 1;
    return targets[next]!;
  });
}
