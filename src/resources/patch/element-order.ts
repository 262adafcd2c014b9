/**
 * Order of a list after a strategic merge. Items that the patch speaks of follow the patch's order,
 * the others keep the live order, and where the two meet the live order decides; an item that the
 * live list did not have goes before the live-only items that are left. Items are compared through
 * `idOf` (the merge key, or the value itself).
 */
export type ItemId = (item: unknown) => string;

export function orderMerged(
  merged: readonly unknown[],
  patchOrder: readonly string[],
  liveOrder: readonly string[],
  idOf: ItemId,
): unknown[] {
  const inPatch = rankOf(patchOrder);
  const inLive = rankOf(liveOrder);
  const patched = merged.filter((item) => inPatch.has(idOf(item)));
  const untouched = merged.filter((item) => !inPatch.has(idOf(item)));
  const byRank = (rank: ReadonlyMap<string, number>) => (a: unknown, b: unknown) =>
    (rank.get(idOf(a)) ?? rank.size) - (rank.get(idOf(b)) ?? rank.size);
  patched.sort(byRank(inPatch));
  untouched.sort(byRank(inLive));

  const result: unknown[] = [];
  let next = 0;
  for (const item of patched) {
    const rank = inLive.get(idOf(item));
    while (rank !== undefined && next < untouched.length) {
      const other = inLive.get(idOf(untouched[next]));
      if (other === undefined || other >= rank) break;
      result.push(untouched[next]);
      next += 1;
    }
    result.push(item);
  }
  return [...result, ...untouched.slice(next)];
}

function rankOf(ids: readonly string[]): Map<string, number> {
  const rank = new Map<string, number>();
  ids.forEach((id, index) => {
    if (!rank.has(id)) rank.set(id, index);
  });
  return rank;
}
