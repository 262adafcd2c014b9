/**
 * The owners of the fields of an object (`metadata.managedFields`), pure. An update takes what it
 * changes. An apply owns what its configuration says; it removes what it owned before and no longer
 * says, unless another manager owns it. Source: the API reference, "Server-Side Apply", and
 * KEP-555.
 */
import { toRfc3339 } from '../../base/clock.ts';
import { isRecord, jsonEqual, stableStringify } from '../../base/json.ts';
import { omit } from '../../schemas/json-access.ts';
import { formatApiVersion, type KubeObject } from '../../schemas/object.ts';
import type { ResourceKind, Subresource } from '../../schemas/resource-kind.ts';
import { badRequest } from '../../schemas/errors/status.ts';
import type { TypeSchemas } from '../decoding/type-schemas.ts';
import { blankObject } from './blank-object.ts';
import { type Conflict, conflictError, conflictsOf } from './apply-conflicts.ts';
import {
  difference,
  FIELD,
  type FieldSet,
  intersection,
  isEmptySet,
  outside,
  union,
  unionOf,
} from './field-set.ts';
import { decodeRecord, encodeRecord, type Entry, idOf, isReset, type Managed } from './owner-record.ts';
import { type Comparison, createTypedValues, type TypedValues } from './typed-values.ts';

export interface FieldOwner {
  readonly manager: string;
  /** Part of the owner's identity: one program may own status by one way and spec by the other. */
  readonly subresource?: Subresource | undefined;
}

export interface OwnershipRequest {
  readonly schemas: TypeSchemas;
  readonly kind: ResourceKind;
  readonly owner: FieldOwner;
  readonly nowMs: number;
}

const NOBODY_YET = 'before-first-apply';
/** The annotation in which kubectl's own apply keeps what it applied last. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

const fieldsNamed = (names: string): Map<string, FieldSet> =>
  new Map(names.split(' ').map((name) => [`f:${name}`, FIELD]));
const UNOWNED_METADATA =
  'name namespace uid generation creationTimestamp resourceVersion managedFields selfLink deletionTimestamp deletionGracePeriodSeconds';
/** Fields of the system, and those that name the object. */
const UNOWNED: FieldSet = {
  member: false,
  children: new Map([
    ...fieldsNamed('apiVersion kind'),
    ['f:metadata', { member: true, children: fieldsNamed(UNOWNED_METADATA) }],
  ]),
};

/**
 * The record after an update, undefined where nothing is tracked: its record was taken away and
 * nobody applied since. `current` is undefined for a create.
 */
export function ownershipAfterUpdate(
  request: OwnershipRequest,
  current: KubeObject | undefined,
  next: KubeObject,
): unknown[] | undefined {
  const { kind, owner } = request;
  const managed = current === undefined ? new Map<string, Entry>() : recordOf(current, next, owner);
  if (current !== undefined && managed.size === 0) return undefined;
  const typed = typedValues(request);
  const compared = typed.compare(bare(current ?? blankObject(kind)), bare(next));
  const taken = ownable(union(compared.added, compared.modified), request);
  const result = new Map(releaseTaken(managed, compared));
  if (!isEmptySet(taken)) {
    const id = idOf({ ...owner, operation: 'Update', apiVersion: apiVersionOf(kind) });
    const before = result.get(id);
    result.set(id, {
      ...entryOf(owner, 'Update', kind),
      time: owner.subresource === 'scale' ? undefined : toRfc3339(request.nowMs),
      fields: before ? union(before.fields, taken) : taken,
    });
  }
  return encodeRecord(result);
}

/**
 * The object with its `managedFields`, not yet decoded, defaulted or validated. Throws 409 with
 * upstream's causes when others own what the configuration changes, unless `force`.
 */
export function applyConfiguration(
  request: OwnershipRequest,
  current: KubeObject | undefined,
  configuration: Record<string, unknown>,
  force: boolean,
): Record<string, unknown> {
  const { kind, owner } = request;
  const typed = typedValues(request);
  checkConfiguration(kind, configuration, typed);
  const live: Record<string, unknown> = bare(current ?? blankObject(kind));
  const id = idOf({ ...owner, operation: 'Apply', apiVersion: apiVersionOf(kind) });
  const managed = new Map(current === undefined ? [] : beforeApply(request, current, typed));
  const last = managed.get(id);
  managed.set(id, {
    ...entryOf(owner, 'Apply', kind),
    time: last?.time,
    fields: ownable(typed.fieldsOf(configuration), request),
  });
  const merged = typed.merge(live, configuration);
  const pruned = prune(typed, merged, managed, last?.fields) as Record<string, unknown>;
  const compared = typed.compare(live, pruned);
  const conflicts = conflictsOf(managed, compared, id);
  if (conflicts.length > 0 && !force && !mayTakeOver(request, current, conflicts))
    throw conflictError(conflicts);
  const others = new Map([...managed].filter(([other]) => other !== id));
  const result = new Map(releaseTaken(others, compared));
  const own = managed.get(id);
  const changed = current === undefined || !jsonEqual(live, pruned);
  if (own && !isEmptySet(own.fields))
    result.set(id, changed ? { ...own, time: toRfc3339(request.nowMs) } : own);
  const object = withLastApplied(request, current, configuration, pruned);
  const metadata = isRecord(object['metadata']) ? object['metadata'] : {};
  return { ...object, metadata: { ...metadata, managedFields: encodeRecord(result) } };
}

const apiVersionOf = (kind: ResourceKind): string => formatApiVersion(kind.group, kind.version);

function typedValues({ schemas, kind }: OwnershipRequest): TypedValues {
  const schema = schemas.ofKind(kind.group, kind.version, kind.kind);
  return createTypedValues(schemas, schema?.schema);
}

function entryOf(
  owner: FieldOwner,
  operation: Entry['operation'],
  kind: ResourceKind,
): Omit<Entry, 'time' | 'fields'> {
  const { manager, subresource } = owner;
  return { manager, operation, apiVersion: apiVersionOf(kind), subresource };
}

/** The object without its own record, which nobody owns. */
function bare(object: KubeObject): Record<string, unknown> {
  return { ...object, metadata: omit(object.metadata, 'managedFields') };
}

/** Nobody owns the status through the object, nor the rest through the status. */
function ownable(fields: FieldSet, { kind, owner }: OwnershipRequest): FieldSet {
  const own = difference(fields, UNOWNED);
  if (owner.subresource === 'status') return outside(own, 'f:spec');
  return kind.subresources.includes('status') ? outside(own, 'f:status') : own;
}

/** A request may bring the record or, by one empty entry, take it away; no subresource may. */
function recordOf(current: KubeObject, next: KubeObject, { subresource }: FieldOwner): Managed {
  const given = next.metadata.managedFields;
  const live = decodeRecord(current.metadata.managedFields) ?? new Map<string, Entry>();
  if (subresource !== undefined || given === undefined) return live;
  if (isReset(given)) return new Map();
  const decoded = decodeRecord(given);
  return decoded && decoded.size > 0 ? decoded : live;
}

/** The former owners lose what was changed or removed. */
function releaseTaken(managed: Managed, { added, modified, removed }: Comparison): Managed {
  const lost = union(union(added, modified), removed);
  if (isEmptySet(lost)) return managed;
  return new Map(
    [...managed].map(([id, entry]) => [id, { ...entry, fields: difference(entry.fields, lost) }] as const),
  );
}

/** An object that nobody tracked is owned by nobody in particular before the first apply. */
function beforeApply(request: OwnershipRequest, current: KubeObject, typed: TypedValues): Managed {
  const managed = decodeRecord(current.metadata.managedFields);
  if (managed && managed.size > 0) return managed;
  const compared = typed.compare(bare(blankObject(request.kind)), bare(current));
  const fields = ownable(union(compared.added, compared.modified), request);
  const entry = { ...entryOf({ manager: NOBODY_YET }, 'Update', request.kind), time: undefined, fields };
  return isEmptySet(fields) ? new Map() : new Map([[idOf(entry), entry]]);
}

/** Takes out what the manager owned, nobody owns now, and the rest of the object does not need. */
function prune(typed: TypedValues, merged: unknown, managed: Managed, last: FieldSet | undefined): unknown {
  if (!last || isEmptySet(last)) return merged;
  const lastAll = typed.withParents(last);
  const all = typed.withParents(typed.fieldsOf(merged));
  const owned = typed.withParents(unionOf([...managed.values()].map(({ fields }) => fields)));
  const kept = (value: unknown): FieldSet => typed.withParents(typed.fieldsOf(value));
  const first = typed.without(merged, lastAll);
  const second = typed.without(merged, difference(all, union(kept(first), owned)));
  return typed.without(merged, intersection(difference(all, kept(second)), lastAll));
}

/** A user of kubectl's own apply takes over without force what that apply had set. */
function mayTakeOver(
  request: OwnershipRequest,
  current: KubeObject | undefined,
  conflicts: readonly Conflict[],
): boolean {
  const last = request.owner.manager === 'kubectl' ? lastApplied(current) : undefined;
  if (!last) return false;
  const allowed = typedValues(request).fieldsOf(last);
  return conflicts.every(({ fields }) => isEmptySet(difference(fields, allowed)));
}

function lastApplied(current: KubeObject | undefined): Record<string, unknown> | undefined {
  const text = current?.metadata.annotations?.[LAST_APPLIED];
  if (text === undefined) return undefined;
  try {
    const parsed: unknown = JSON.parse(text);
    return isRecord(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** kubectl's annotation is kept true, so that its own apply can be used again. */
function withLastApplied(
  { owner }: OwnershipRequest,
  current: KubeObject | undefined,
  configuration: Record<string, unknown>,
  object: Record<string, unknown>,
): Record<string, unknown> {
  if (owner.manager !== 'kubectl' || !lastApplied(current)) return object;
  const metadata = isRecord(object['metadata']) ? object['metadata'] : {};
  const annotations = isRecord(metadata['annotations']) ? metadata['annotations'] : {};
  const text = `${stableStringify(configuration)}\n`;
  return { ...object, metadata: { ...metadata, annotations: { ...annotations, [LAST_APPLIED]: text } } };
}

function checkConfiguration(
  kind: ResourceKind,
  configuration: Record<string, unknown>,
  typed: TypedValues,
): void {
  const metadata = isRecord(configuration['metadata']) ? configuration['metadata'] : {};
  if (Array.isArray(metadata['managedFields']) && metadata['managedFields'].length > 0)
    throw badRequest('metadata.managedFields must be nil');
  const problems = typed.problems(configuration);
  if (problems.length === 0) return;
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  const place = `${text(metadata['namespace'])}/${text(metadata['name'])}; ${apiVersionOf(kind)}, Kind=${kind.kind}`;
  const [only] = problems;
  const list = problems.length === 1 ? only : `errors:\n${problems.map((line) => `  ${line}`).join('\n')}`;
  throw badRequest(`failed to create typed patch object (${place}): ${list ?? ''}`);
}
