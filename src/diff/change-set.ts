/**
 * Desired objects, live objects and an application's inventory → what is to be done, in order.
 * Pure.
 *
 * Never in a change set: an object that another application manages; the deletion of anything that
 * is not in this application's inventory; any deletion when the render is incomplete, empty (unless
 * allowed) or the store is being rebuilt (docs/INVARIANTS.md, "prune guard").
 */
import { jsonEqual, ownMember } from '../base/json.ts';
import { compareText } from '../base/text.ts';
import { omit } from '../schemas/json-access.ts';
import { type KubeObject, keyOf } from '../schemas/object.ts';
import { fromStored, type ResourceId, type ResourceKind, resourceIdOf } from '../schemas/resource-kind.ts';
import { withLiveReplicas } from './autoscaled.ts';
import { ignoresExtraneous, isHook, syncWave } from './annotations.ts';
import { type DesiredObject, type DesiredSet, idOf } from './desired-set.ts';
import { type IgnoreRule, withIgnoredFields } from './ignore-differences.ts';
import { marked, mergeDesired, replaceDesired } from './merge.ts';
import { normaliseDesired } from './normalise.ts';
import { hasSyncOption, mayDelete, syncOption } from './sync-options.ts';
import { managingApplication } from './tracking.ts';

export type ChangeAction = 'create' | 'update' | 'delete' | 'noop';

export interface Change {
  readonly action: ChangeAction;
  readonly kind: ResourceKind;
  readonly key: string;
  readonly wave: number;
  /** The object to write (create, update), or the live one (delete, noop). */
  readonly object: KubeObject;
  readonly live: KubeObject | undefined;
  readonly origin: string | undefined;
  /** `Force=true`: delete and create anew when the update is refused. */
  readonly force?: boolean;
  /** `PruneLast=true`: a deletion that waits until everything else is applied and healthy. */
  readonly last?: boolean;
  /** How a deletion treats the owned objects; `Background` if absent. */
  readonly propagation?: Propagation;
}

export type Propagation = 'Foreground' | 'Background' | 'Orphan';

export type ProblemCode = 'duplicate' | 'shared-resource' | 'being-deleted';

/** Why an object cannot be applied. The others of the change set are not affected. */
export interface ChangeProblem {
  readonly code: ProblemCode;
  readonly kind: ResourceKind;
  readonly key: string;
  readonly origin: string | undefined;
  readonly message: string;
  /** The application that manages a shared resource. */
  readonly manager?: string;
}

export type PruneHold = 'claimed' | 'off' | 'incomplete' | 'empty' | 'rebuilding' | 'budget';

export interface ChangeSetOptions {
  /** `namespace/name` of the application. */
  readonly application: string;
  readonly prune: boolean;
  readonly allowEmpty: boolean;
  /** False while the store's history is lost: nothing is deleted. */
  readonly historyComplete: boolean;
  /** Sync options of the application (`Prune=false`, `CreateNamespace=true`). */
  readonly syncOptions: readonly string[];
  readonly ignore: readonly IgnoreRule[];
  /** Objects (ids) whose number of replicas is an autoscaler's. */
  readonly autoscaled?: ReadonlySet<string>;
  /**
   * When given, only these objects (ids) are compared; the others are known to be as they should.
   * The inventory then needs to hold only what Git may have dropped.
   */
  readonly only?: ReadonlySet<string>;
  /** Objects (ids) in Git that are not compared, such as hooks: never deleted. */
  readonly kept?: { has(id: string): boolean };
  /** Objects (ids) that are done and gone, with the manifest that they had: not made again. */
  readonly spent?: ReadonlyMap<string, DesiredObject>;
  /** Objects (ids) of other applications that these no longer hold: taken over. */
  readonly takeOver?: ReadonlySet<string> | undefined;
  /** Objects (ids) that another application holds, or may hold: not deleted. */
  readonly claimed?: ReadonlyMap<string, string> | undefined;
  /** The most deletions at once, none of which may cascade; undefined for no limit. */
  readonly maxDeletions?: number;
}

export interface ChangeSet {
  /** In the order of applying, deletions last. */
  readonly changes: readonly Change[];
  readonly problems: readonly ChangeProblem[];
  /** Objects of the inventory that Git no longer has and that stay, and why. */
  readonly held: readonly { readonly kind: ResourceKind; readonly key: string; readonly reason: PruneHold }[];
  /** How many of them would be deleted if nothing held the pruning back as a whole. */
  readonly withheld: number;
}

export interface InventoryItem {
  readonly kind: ResourceKind;
  readonly object: KubeObject;
}

export type LiveLookup = (resource: ResourceId, key: string) => KubeObject | undefined;

export function planChangeSet(
  desired: DesiredSet,
  live: LiveLookup,
  inventory: readonly InventoryItem[],
  options: ChangeSetOptions,
): ChangeSet {
  const problems: ChangeProblem[] = [];
  for (const [id, items] of desired.repeated) {
    const where = desired.byId.get(id)?.origin ?? '';
    for (const item of items)
      problems.push(problem('duplicate', item, keyOf(item.object), `is also in ${where}`));
  }
  const changes: Change[] = [];
  for (const id of options.only ?? desired.byId.keys()) {
    const item = desired.byId.get(id);
    if (!item) continue;
    const found = live(resourceIdOf(item.kind), keyOf(item.object));
    if (!found && jsonEqual(options.spent?.get(id)?.object, item.object)) continue;
    const outcome = planObject(item, found && fromStored(item.kind, found), options);
    if ('code' in outcome) problems.push(outcome);
    else changes.push(outcome);
  }
  const { deletions, held, withheld } = planPrune(desired.byId, inventory, problems, options);
  return {
    changes: [...changes.sort(byApplyOrder), ...deletions.sort(byApplyOrder).reverse()],
    problems,
    held,
    withheld,
  };
}

/** The change of one object. */
function planObject(
  item: DesiredObject,
  live: KubeObject | undefined,
  options: Pick<ChangeSetOptions, 'application' | 'ignore' | 'syncOptions' | 'takeOver' | 'autoscaled'>,
): Change | ChangeProblem {
  const { kind, origin } = item;
  const normal = normaliseDesired(item.object, live, kind.custom !== undefined);
  const key = keyOf(normal);
  const isAutoscaled = options.autoscaled?.has(idOf(kind, key)) === true;
  const desired = live && isAutoscaled ? withLiveReplicas(normal, live, kind) : normal;
  const base = { kind, key, wave: syncWave(desired), live, origin };
  if (!live) return { ...base, action: 'create', object: marked(desired, options.application) };
  const manager = managingApplication(live);
  const isForeign = manager !== undefined && manager !== options.application;
  if (isForeign && !options.takeOver?.has(idOf(kind, key)))
    return { ...problem('shared-resource', item, key, `is managed by application "${manager}"`), manager };
  if (live.metadata.deletionTimestamp !== undefined)
    return problem('being-deleted', item, key, 'is being deleted; it is created again once it is gone');
  const kept = withIgnoredFields(desired, live, options.ignore, kind);
  // The strategy of the kind keeps what no update can change: naming it makes no difference.
  const finish = (object: KubeObject): KubeObject =>
    kind.prepareForUpdate(withStatusOf(live, kind.withDefaults(object)), live);
  if (jsonEqual(finish(mergeDesired(live, kept, options.application)), live))
    return { ...base, action: 'noop', object: live };
  // As Argo CD does it: what is ignored makes no difference, but an apply writes it, unless that is
  // to be respected.
  const respected = hasSyncOption(desired, 'RespectIgnoreDifferences', options.syncOptions);
  const written = respected ? kept : desired;
  const replaces = hasSyncOption(desired, 'Replace', options.syncOptions);
  const force = hasSyncOption(desired, 'Force', options.syncOptions);
  return {
    ...base,
    action: 'update',
    object: finish(
      replaces
        ? replaceDesired(live, written, options.application)
        : mergeDesired(live, written, options.application),
    ),
    ...(force ? { force } : {}),
  };
}

/** The status is the system's: a default that its writer omitted makes no difference. */
function withStatusOf(live: KubeObject, merged: KubeObject): KubeObject {
  return live['status'] === undefined ? omit(merged, 'status') : { ...merged, status: live['status'] };
}

const PROPAGATION: Readonly<Record<string, Propagation>> = {
  foreground: 'Foreground',
  background: 'Background',
  orphan: 'Orphan',
};

/** The deletion of a live object. */
export function planDeletion({ kind, object }: InventoryItem, syncOptions: readonly string[]): Change {
  const propagation = ownMember(PROPAGATION, syncOption(object, 'PrunePropagationPolicy', syncOptions) ?? '');
  return {
    action: 'delete',
    kind,
    key: keyOf(object),
    wave: syncWave(object),
    object,
    live: object,
    origin: undefined,
    ...(hasSyncOption(object, 'PruneLast', syncOptions) ? { last: true } : {}),
    ...(propagation === undefined ? {} : { propagation }),
  };
}

function planPrune(
  wanted: ReadonlyMap<string, DesiredObject>,
  inventory: readonly InventoryItem[],
  problems: readonly ChangeProblem[],
  options: ChangeSetOptions,
): { readonly deletions: Change[] } & Pick<ChangeSet, 'held' | 'withheld'> {
  const candidates = inventory.filter(({ kind, object }) => {
    const id = idOf(kind, keyOf(object));
    if (wanted.has(id) || options.kept?.has(id) || isHook(object)) return false;
    if (object.metadata.deletionTimestamp !== undefined) return false;
    return managingApplication(object) === options.application && !ignoresExtraneous(object);
  });
  const isClaimed = ({ kind, object }: InventoryItem): boolean =>
    options.claimed?.has(idOf(kind, keyOf(object))) === true;
  const free = candidates.filter(
    (item) => mayDelete(item.object, 'Prune', options.syncOptions) && !isClaimed(item),
  );
  const reason = pruneHold(wanted.size, free, problems, options);
  const going = new Set(reason === undefined ? free : []);
  const stays = candidates.filter((item) => !going.has(item));
  return {
    deletions: [...going].map((item) => planDeletion(item, options.syncOptions)),
    held: stays.map((item) => ({
      kind: item.kind,
      key: keyOf(item.object),
      reason: isClaimed(item) ? 'claimed' : (reason ?? 'off'),
    })),
    withheld: reason === undefined ? 0 : free.length,
  };
}

/** Objects whose deletion deletes others that no manifest names. */
export const CONTAINERS: ReadonlySet<ResourceId> = new Set([
  'namespaces',
  'customresourcedefinitions.apiextensions.k8s.io',
  'applications.argoproj.io',
]);

function pruneHold(
  wanted: number,
  deletions: readonly InventoryItem[],
  problems: readonly ChangeProblem[],
  options: ChangeSetOptions,
): PruneHold | undefined {
  if (!options.prune) return 'off';
  if (!options.historyComplete) return 'rebuilding';
  if (problems.some(({ code }) => code === 'duplicate')) return 'incomplete';
  if (wanted === 0 && !options.allowEmpty) return 'empty';
  const { maxDeletions } = options;
  if (maxDeletions === undefined) return undefined;
  const takesOthers = deletions.some(({ kind }) => CONTAINERS.has(resourceIdOf(kind)));
  return takesOthers || deletions.length > maxDeletions ? 'budget' : undefined;
}

function problem(code: ProblemCode, item: DesiredObject, key: string, detail: string): ChangeProblem {
  const message = `${item.origin}: ${item.kind.kind} "${key}" ${detail}`;
  return { code, kind: item.kind, key, origin: item.origin, message };
}

/** Wave, then the kind's place (namespaces before what lives in them), kind, key. */
export function byApplyOrder(a: Change, b: Change): number {
  return (
    a.wave - b.wave ||
    a.kind.applyOrder - b.kind.applyOrder ||
    compareText(a.kind.kind, b.kind.kind) ||
    compareText(a.key, b.key)
  );
}
