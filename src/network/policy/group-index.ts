/** The AddressGroups of the cluster by the name of the selection that they are parts of. */
import { type AddressGroup, groupOfSlice } from '../../schemas/address-groups.ts';

export interface GroupIndex {
  of(group: string): readonly AddressGroup[];
  /** Answers the group whose addresses may be others now. */
  update(slice: string): string;
}

export function createGroupIndex(items: ReadonlyMap<string, AddressGroup>): GroupIndex {
  const slices = new Map<string, Set<string>>();
  function update(slice: string): string {
    const group = groupOfSlice(slice);
    const known = slices.get(group) ?? new Set<string>();
    if (items.has(slice)) slices.set(group, known.add(slice));
    else if (known.delete(slice) && known.size === 0) slices.delete(group);
    return group;
  }
  for (const slice of items.keys()) update(slice);
  return {
    of: (group) => [...(slices.get(group) ?? [])].flatMap((slice) => items.get(slice) ?? []),
    update,
  };
}
