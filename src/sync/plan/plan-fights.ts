/**
 * Fights of two writers: the sync undoes a change, and another writer repeats it. Healing then
 * waits longer each time, and a condition names both. Pure, except for a memory that may be lost.
 */
import type { Change, ChangeSet } from '../../diff/change-set.ts';
import { type DesiredObject, type DesiredSet, idOf, splitId } from '../../diff/desired-set.ts';
import { fieldChanges } from '../../diff/field-changes.ts';
import { changedBy } from '../../diff/tracking.ts';
import { isRecord, jsonEqual, ownMember } from '../../base/json.ts';
import { setRecent } from '../../base/bounded-map.ts';
import { listNames } from '../../base/text.ts';
import { asRecords } from '../../schemas/json-access.ts';
import type { KubeObject } from '../../schemas/object.ts';

/** This many heals within the window are a fight. A person who tries things rarely reaches it. */
const MAX_HEALS = 5;
const WINDOW_MS = 10 * 60_000;
/** Between two heals of a fight, doubled each time. */
const FIRST_DELAY_MS = 10_000;
const MAX_DELAY_MS = 5 * 60_000;
/** Remember the heals of at most this many objects of one application. */
const MAX_REMEMBERED = 1_000;
const MAX_FIELDS = 3;

export interface Heals {
  /** The manifest that was put back: another one begins anew. */
  readonly manifest: DesiredObject | undefined;
  readonly count: number;
  readonly firstMs: number;
  readonly lastMs: number;
  /** `field data.x (written by alice)`. */
  readonly what: string;
}

/** By id of the object, the longest untouched first. */
export type HealMemory = Map<string, Heals>;

/** A manifest is read again whenever its file changes; only a change of its own begins anew. */
const isSame = (a: DesiredObject | undefined, b: DesiredObject | undefined): boolean =>
  a === b || jsonEqual(a?.object, b?.object);

/** Notes a write that undoes a change of the live object. */
export function noteHeal(
  memory: HealMemory,
  id: string,
  change: Change,
  manifest: DesiredObject | undefined,
  nowMs: number,
): void {
  const before = memory.get(id);
  const goesOn = before !== undefined && isSame(before.manifest, manifest) && !isOver(before, nowMs);
  const heals: Heals = {
    manifest,
    // The first write is the commit's own.
    count: goesOn ? before.count + 1 : 0,
    firstMs: goesOn ? before.firstMs : nowMs,
    lastMs: nowMs,
    what: describe(change),
  };
  setRecent(memory, id, heals, MAX_REMEMBERED);
}

/** When the object may be healed again; undefined where nothing holds it back. */
export function healDueMs(
  memory: HealMemory,
  id: string,
  manifest: DesiredObject | undefined,
  nowMs: number,
): number | undefined {
  const heals = memory.get(id);
  if (!heals || !isSame(heals.manifest, manifest) || !isFight(heals, nowMs)) return undefined;
  const dueMs = heals.lastMs + delayOf(heals);
  return nowMs < dueMs ? dueMs : undefined;
}

const delayOf = ({ count }: Heals): number =>
  Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.max(0, count - MAX_HEALS));

/** A fight is over when nothing was healed for as long as it takes to call something one. */
const isOver = ({ count, firstMs, lastMs }: Heals, nowMs: number): boolean =>
  nowMs - (count >= MAX_HEALS ? lastMs : firstMs) > WINDOW_MS;
const isFight = (heals: Heals, nowMs: number): boolean => heals.count >= MAX_HEALS && !isOver(heals, nowMs);

/** `ConfigMap shop/a: field data.x (written by alice) is changed again and again (6 times)`. */
export function fightMessages(memory: HealMemory, nowMs: number): readonly string[] {
  return [...memory].flatMap(([id, heals]) =>
    isFight(heals, nowMs)
      ? [`${nameOf(id, heals.manifest)}: ${heals.what} is changed again and again (${heals.count} times)`]
      : [],
  );
}

/** When the next of the fights is over, so that it is no longer shown. */
export function fightOverMs(memory: HealMemory, nowMs: number): number | undefined {
  const ends = [...memory.values()].filter((heals) => isFight(heals, nowMs));
  return ends.length === 0 ? undefined : Math.min(...ends.map(({ lastMs }) => lastMs + WINDOW_MS + 1));
}

const nameOf = (id: string, manifest: DesiredObject | undefined): string =>
  `${manifest?.kind.kind ?? ''} ${splitId(id).key}`.trim();

function describe({ action, live, object }: Change): string {
  if (action === 'delete') return 'the object, which Git does not hold and somebody makes,';
  if (action === 'create' || !live) return 'the object, which somebody deletes,';
  const paths = fieldChanges(live, object).map(({ path }) => path);
  if (paths.length === 0) return 'the mark of the Application';
  return `field ${listNames(paths, MAX_FIELDS)} (written by ${otherWriter(live, paths[0] ?? '')})`;
}

/** The last that wrote the field, as the object tells. */
function otherWriter(live: KubeObject, path: string): string {
  const user = changedBy(live);
  if (user !== undefined) return user;
  const owners = asRecords(live.metadata.managedFields)
    .filter(({ fieldsV1 }) => owns(fieldsV1, path.split(/[.[]/)))
    .sort((a, b) => (String(a['time']) < String(b['time']) ? 1 : -1));
  const manager = owners[0]?.['manager'];
  return typeof manager === 'string' ? manager : 'a controller of the control plane';
}

/** Whether a record of fields reaches towards the path: to the end of either. */
function owns(fields: unknown, [head, ...rest]: readonly string[]): boolean {
  const inner = isRecord(fields) && head !== undefined ? ownMember(fields, `f:${head}`) : undefined;
  if (!isRecord(inner)) return false;
  const isLeaf = Object.keys(inner).every((key) => !key.startsWith('f:'));
  return rest.length === 0 || isLeaf || owns(inner, rest);
}

/** Objects that somebody changes again and again, with the time when each is healed next. */
export function heldFights(
  { heals, desired }: { readonly heals: HealMemory; readonly desired: Pick<DesiredSet, 'byId'> },
  { changes }: ChangeSet,
  nowMs: number,
): ReadonlyMap<string, number> {
  const held = new Map<string, number>();
  for (const { action, kind, key } of changes) {
    const id = idOf(kind, key);
    const dueMs = action === 'noop' ? undefined : healDueMs(heals, id, desired.byId.get(id), nowMs);
    if (dueMs !== undefined) held.set(id, dueMs);
  }
  return held;
}
