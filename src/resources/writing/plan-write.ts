/**
 * One write and the object that is stored → the op that does it: the strategy and the validation of
 * the kind. Pure.
 */
import { sharesMembers } from '../../base/json.ts';
import { asList, omit } from '../../schemas/json-access.ts';
import { type KubeObject, keyOf } from '../../schemas/object.ts';
import { type ResourceKind, storageIdOf, toStored } from '../../schemas/resource-kind.ts';
import {
  type CreateContext,
  isFullyReleased,
  type PlanDelete,
  type PrepareCreate,
  type PrepareUpdate,
  planDelete,
  prepareCreate,
  prepareUpdate,
} from '../../schemas/strategy/index.ts';
import type { CreateOp, StoreOp } from '../../store/types.ts';
import { checkNew, checkStructure, checkUpdate } from './object-rules.ts';
import { isProvenKind, type PlacementProofs } from './placement-proof.ts';
import { type ObjectChange, subresourceOf, type Write } from './write-plan.ts';

/** The rules; schemas/strategy/index.ts. */
export interface Strategy {
  readonly prepareCreate: PrepareCreate;
  readonly prepareUpdate: PrepareUpdate;
  readonly planDelete: PlanDelete;
  /** Whether nothing holds a deleted object any more: the update becomes its removal. */
  readonly isFullyReleased: (object: KubeObject) => boolean;
}

export const kubernetesStrategy: Strategy = { prepareCreate, prepareUpdate, planDelete, isFullyReleased };

export interface PlanningRules {
  readonly strategy: Strategy;
  /** Proves pods as they are written. */
  readonly proofs: PlacementProofs | undefined;
}

/** A write on its way. Each step of the writer hands on a copy that knows more. */
export interface Draft {
  readonly write: Write;
  readonly kind: ResourceKind;
  /** As it is stored; undefined for what is created. */
  readonly current: KubeObject | undefined;
  /** As it is to be written, so far. */
  readonly object: KubeObject;
  readonly context: CreateContext;
}

export interface Planned extends Draft {
  readonly key: string;
  /** Absent where nothing changes. */
  readonly op: StoreOp | undefined;
  /** The object afterwards, but for its version. */
  readonly result: KubeObject;
  /** Whether a lost race may be planned again. */
  readonly isRetriable: boolean;
}

export function planWrite(draft: Draft, rules: PlanningRules): Planned {
  switch (draft.write.verb) {
    case 'restore':
      return planRestore(draft, rules);
    case 'create':
      return planCreate(draft, rules);
    case 'update':
      return draft.current ? planUpdate(draft, draft.current, rules) : planCreate(draft, rules);
    case 'delete':
      return planRemoval(draft, draft.current ?? draft.object, rules);
  }
}

/** The change that admission and quotas are about; undefined for deletions and what is restored. */
export function changeOf({ write, kind, current, object }: Draft): ObjectChange | undefined {
  if (write.verb === 'delete' || write.verb === 'restore') return undefined;
  if (write.verb === 'create' || !current) return { kind, operation: 'create', object };
  return { kind, operation: 'update', object, current, subresource: write.subresource };
}

function planRestore(draft: Draft, rules: PlanningRules): Planned {
  const { object } = draft;
  const { resourceVersion: expectedVersion } = object.metadata;
  const planned = created(draft, object, false, rules);
  // Nobody has filled in its defaults, or checked it, since an agent sent it.
  const op = omit(planned.op, 'isSound');
  if (expectedVersion === undefined) return { ...planned, op };
  return { ...planned, op: { ...op, type: 'update', expectedVersion } };
}

function planCreate(draft: Draft, rules: PlanningRules): Planned {
  const { kind, object, write } = draft;
  const structure = checkStructure(kind, object);
  const result = rules.strategy.prepareCreate(kind, object, draft.context);
  checkNew(kind, result, structure);
  kind.settle?.(result);
  // A generated name, or an update whose object was missing a moment ago.
  const isRetriable = write.verb === 'update' || !object.metadata.name;
  return created(draft, result, isRetriable, rules);
}

/** The plan of a new object, as `result` is to be stored. */
export function created(
  draft: Draft,
  result: KubeObject,
  isRetriable: boolean,
  rules: PlanningRules,
): Planned & { readonly op: CreateOp } {
  const { kind } = draft;
  const key = keyOf(result);
  const object = storedForm(kind, result, rules);
  return {
    ...draft,
    key,
    result,
    isRetriable,
    op: { type: 'create', resource: storageIdOf(kind), key, object, isSound: true },
  };
}

function planUpdate(draft: Draft, current: KubeObject, rules: PlanningRules): Planned {
  const { write, kind, object, context } = draft;
  const subresource = subresourceOf(write);
  const isRetriable = !write.object.metadata.resourceVersion;
  if (subresource === undefined && isRelease(object, current))
    return replaced(draft, current, object, isRetriable, rules);
  const structure = subresource ? [] : checkStructure(kind, object);
  const result = rules.strategy.prepareUpdate(kind, current, object, {
    nowMs: context.nowMs,
    ...(subresource ? { subresource } : {}),
  });
  if (result !== current) {
    checkUpdate(kind, result, current, subresource, structure);
    kind.settle?.(result);
  }
  return replaced(draft, current, result, isRetriable, rules);
}

/**
 * Whether an update takes finalizers away and keeps the very rest of what is stored, which has its
 * defaults and was checked. Controllers let go of many objects at once.
 */
function isRelease(next: KubeObject, current: KubeObject): boolean {
  const [left, before] = [asList(next.metadata.finalizers), asList(current.metadata.finalizers)];
  return (
    left.length < before.length &&
    left.every((name) => before.includes(name)) &&
    // An empty list would be left out.
    (left.length > 0 || next.metadata.finalizers === undefined) &&
    sharesMembers(next, current, 'metadata') &&
    sharesMembers(omit(next.metadata, 'finalizers'), omit(current.metadata, 'finalizers'))
  );
}

function planRemoval(draft: Draft, current: KubeObject, rules: PlanningRules): Planned {
  const { write, kind, context } = draft;
  const { options = {}, mark, isExpired } = write.verb === 'delete' ? write : {};
  if (isExpired) return { ...removed(draft, write.object), result: current, isRetriable: false };
  const plan = rules.strategy.planDelete(kind, mark?.(current) ?? current, options, context.nowMs);
  const isRetriable = options.preconditions?.resourceVersion === undefined;
  if (plan.action !== 'remove')
    return replaced(draft, current, plan.action === 'none' ? current : plan.object, isRetriable, rules);
  return { ...removed(draft, current), result: plan.object ?? current, isRetriable };
}

function replaced(
  draft: Draft,
  current: KubeObject,
  result: KubeObject,
  isRetriable: boolean,
  rules: PlanningRules,
): Planned {
  if (rules.strategy.isFullyReleased(result) && (draft.write.verb !== 'delete' || result !== current))
    return { ...removed(draft, current), result, isRetriable };
  const { kind } = draft;
  const key = keyOf(current);
  if (result === current) return { ...draft, key, op: undefined, result, isRetriable };
  const op: StoreOp = {
    type: 'update',
    resource: storageIdOf(kind),
    key,
    object: storedForm(kind, result, rules),
    isSound: true,
    expectedVersion: current.metadata.resourceVersion ?? '',
  };
  return { ...draft, key, op, result, isRetriable };
}

function removed(draft: Draft, current: KubeObject): Pick<Planned, keyof Draft | 'key' | 'op'> {
  const key = keyOf(current);
  const expectedVersion = current.metadata.resourceVersion ?? '';
  const op: StoreOp = { type: 'delete', resource: storageIdOf(draft.kind), key, expectedVersion };
  return { ...draft, key, op };
}

/** The object as it goes into the store. */
const storedForm = (kind: ResourceKind, object: KubeObject, { proofs }: PlanningRules): KubeObject =>
  toStored(kind, proofs && isProvenKind(kind) ? proofs.seal(object) : object);
