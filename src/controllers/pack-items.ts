/**
 * Spreads items over objects of bounded size with few writes: upstream's packing of EndpointSlices.
 * An item stays in its object. New ones go into objects that change anyway, then into the one
 * object with just enough room, then into new objects; pure.
 */

/** How the objects hold items. */
export interface Holding<Holder, Item> {
  readonly max: number;
  itemsOf(holder: Holder): readonly Item[];
  identityOf(item: Item): string;
  /** Whether two items of one identity are equal. */
  sameState(a: Item, b: Item): boolean;
  /** Holds for objects that change anyway. */
  isStale(holder: Holder): boolean;
}

/** An object as it is desired. */
export interface Draft<Holder, Item> {
  /** Absent: the object is new. */
  readonly existing?: Holder;
  readonly items: readonly Item[];
  readonly isChanged: boolean;
}

export interface Packing<Holder, Item> {
  readonly drafts: readonly Draft<Holder, Item>[];
  /** Existing objects that lost all of their items. */
  readonly emptied: readonly Holder[];
}

interface Filling<Holder, Item> {
  existing?: Holder;
  items: Item[];
  isChanged: boolean;
}

export function packItems<Holder, Item>(
  existing: readonly Holder[],
  desired: readonly Item[],
  holding: Holding<Holder, Item>,
): Packing<Holder, Item> {
  const { itemsOf, identityOf, isStale, max } = holding;
  const open = new Set(desired);
  const settled = new Set(existing.filter((holder) => !isStale(holder) && takeAll(itemsOf(holder), open)));
  const missing = new Map([...open].map((item) => [identityOf(item), item]));
  const fillings = existing.map(
    (holder): Filling<Holder, Item> =>
      settled.has(holder)
        ? { existing: holder, items: [...itemsOf(holder)], isChanged: false }
        : keepDesired(holder, missing, holding),
  );
  const emptied = fillings.flatMap(({ existing: holder, items }) =>
    holder !== undefined && items.length === 0 && itemsOf(holder).length > 0 ? [holder] : [],
  );
  const gone = new Set<Holder | undefined>(emptied);
  const kept = fillings.filter(({ existing: holder }) => !gone.has(holder));
  const added = [...missing.values()];
  const changed = kept.filter(({ isChanged }) => isChanged).sort(fullestFirst);
  for (const filling of changed) fill(filling, added, max);
  const created: Filling<Holder, Item>[] = [];
  while (added.length > 0) {
    const free = kept.filter(({ isChanged }) => !isChanged);
    const filling = tightest(free, added.length, max) ?? { items: [], isChanged: true };
    if (!filling.existing) created.push(filling);
    fill(filling, added, max);
  }
  return { drafts: [...kept, ...created], emptied };
}

/**
 * Takes the items of an object out of the desired ones where each is the very same as the desired
 * one. Most objects are as they were written: nothing in them is compared.
 */
function takeAll<Item>(held: readonly Item[], open: Set<Item>): boolean {
  if (!held.every((item) => open.has(item))) return false;
  for (const item of held) open.delete(item);
  return true;
}

/** Keeps the desired items of an object, and takes them out of the missing ones. */
function keepDesired<Holder, Item>(
  holder: Holder,
  missing: Map<string, Item>,
  { itemsOf, identityOf, sameState, isStale }: Holding<Holder, Item>,
): Filling<Holder, Item> {
  const before = itemsOf(holder);
  let isChanged = isStale(holder);
  const items: Item[] = [];
  for (const item of before) {
    const identity = identityOf(item);
    const wanted = missing.get(identity);
    if (wanted === undefined || !sameState(wanted, item)) isChanged = true;
    if (wanted === undefined) continue;
    missing.delete(identity);
    items.push(wanted);
  }
  return { existing: holder, items: isChanged ? items : [...before], isChanged };
}

function fill<Holder, Item>(filling: Filling<Holder, Item>, added: Item[], max: number): void {
  const taken = added.splice(0, Math.max(0, max - filling.items.length));
  if (taken.length === 0) return;
  filling.items = [...filling.items, ...taken];
  filling.isChanged = true;
}

type Filled = Pick<Filling<unknown, unknown>, 'items'>;

const fullestFirst = (a: Filled, b: Filled): number => b.items.length - a.items.length;

/** The object that is fullest with all of the items in it. Undefined: none has the room. */
function tightest<F extends Filled>(fillings: readonly F[], count: number, max: number): F | undefined {
  if (count >= max) return undefined;
  const fitting = fillings.filter(({ items }) => items.length + count <= max);
  return fitting.sort(fullestFirst)[0];
}
