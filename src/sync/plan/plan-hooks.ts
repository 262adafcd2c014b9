/**
 * The next step of one phase of hooks. Pure.
 *
 * A hook runs once in an attempt. Its object carries the attempt that it was made for, and its end
 * is recorded before a delete policy deletes the object. An object of an earlier attempt is deleted
 * first. Hooks of one wave run together; the next wave waits for their success.
 */
import { printable } from '../../base/printable.ts';
import { type HookType, hookDeletePoliciesOf, hookTypesOf, syncWave } from '../../diff/annotations.ts';
import { type Change, byApplyOrder } from '../../diff/change-set.ts';
import type { DesiredObject } from '../../diff/desired-set.ts';
import { marked } from '../../diff/merge.ts';
import { normaliseDesired } from '../../diff/normalise.ts';
import { managingApplication } from '../../diff/tracking.ts';
import type { Health } from '../../health/index.ts';
import { asNumber, asRecord, getPath } from '../../schemas/json-access.ts';
import { type KubeObject, keyOf } from '../../schemas/object.ts';
import { type ResourceId, resourceIdOf } from '../../schemas/resource-kind.ts';
import { type HookResult, type OperationState, nameSuffixOf, namesOf, runOf } from './operation.ts';

/** The attempt and phase that a hook's object was made for. */
export const HOOK_RUN_ANNOTATION = 'symphony.dev/hook-run';

export type HookPhase = Exclude<HookType, 'Skip'>;

/** One hook in one of its phases, as it is now. */
export interface Hook {
  readonly type: HookPhase;
  readonly create: Change;
  readonly live: KubeObject | undefined;
  /** Whether the live object was made for this attempt and phase. */
  readonly own: boolean;
  /** Whether the live object belongs to somebody else. */
  readonly foreign: boolean;
  /** How it ended, as recorded. */
  readonly result: HookResult | undefined;
  /** How it has ended, not recorded yet. */
  readonly ended: HookResult | undefined;
}

export interface HookView {
  readonly application: string;
  readonly operation: OperationState;
  live(resource: ResourceId, key: string): KubeObject | undefined;
  healthOf(object: KubeObject): Health;
  /** Why a hook has failed, for people. */
  causeOf(object: KubeObject, health: Health): string;
}

/** `PreSync hook pod/migrate`. */
function describeHook({ type, create }: Hook): string {
  return `${type} hook ${create.kind.kind.toLowerCase()}/${create.object.metadata.name}`;
}

export function observeHooks(hooks: readonly DesiredObject[], view: HookView): readonly Hook[] {
  return hooks.flatMap((item) =>
    hookTypesOf(item.object)
      .filter((type) => type !== 'Skip')
      .map((type) => observeHook(item, type, view)),
  );
}

function observeHook({ kind, object, origin }: DesiredObject, type: HookPhase, view: HookView): Hook {
  const run = `${runOf(view.operation)}/${type}`;
  const named = withGeneratedName(object, type, view);
  const patient = withPatience(named);
  const desired = marked(normaliseDesired(patient, undefined, kind.custom !== undefined), view.application);
  const annotations = { ...desired.metadata.annotations, [HOOK_RUN_ANNOTATION]: run };
  const create: Change = {
    action: 'create',
    kind,
    key: keyOf(desired),
    wave: syncWave(desired),
    object: { ...desired, metadata: { ...desired.metadata, annotations } },
    live: undefined,
    origin,
  };
  const live = view.live(resourceIdOf(kind), create.key);
  const own = live?.metadata.annotations?.[HOOK_RUN_ANNOTATION] === run;
  const hook = {
    type,
    create,
    live,
    own,
    foreign: live !== undefined && managingApplication(live) !== view.application,
    result: view.operation.syncResult?.resources?.find(
      (result) => result.hookType === type && isOf(result, create),
    ),
  };
  return { ...hook, ended: hook.result ? undefined : endOf(hook, view) };
}

/** A hook's end must be seen and recorded before its object is gone: it would run again. */
const MIN_TTL_SECONDS = 600;

function withPatience(object: KubeObject): KubeObject {
  const { apiVersion, kind, spec } = object;
  const ttl = asNumber(getPath(spec, 'ttlSecondsAfterFinished'));
  if (apiVersion !== 'batch/v1' || kind !== 'Job' || ttl === undefined || ttl >= MIN_TTL_SECONDS)
    return object;
  return { ...object, spec: { ...asRecord(spec), ttlSecondsAfterFinished: MIN_TTL_SECONDS } };
}

/** `migrate-` becomes `migrate-1a2b3c4-presync-1767225600` in one attempt. */
function withGeneratedName(object: KubeObject, type: HookPhase, { operation }: HookView): KubeObject {
  const { name, generateName } = object.metadata;
  if (name || !generateName) return object;
  return { ...object, metadata: { ...object.metadata, name: generateName + nameSuffixOf(operation, type) } };
}

function isOf(result: HookResult, { kind, object }: Change): boolean {
  const names = namesOf(kind, object);
  return (['kind', 'group', 'name', 'namespace'] as const).every((part) => result[part] === names[part]);
}

/** A hook succeeds when its object is healthy (a pod: has ended with 0). */
function endOf(hook: Omit<Hook, 'ended'>, view: HookView): HookResult | undefined {
  const { type, create, live, own, foreign } = hook;
  if (live && foreign)
    return resultOf(hook, 'Failed', 'an object of that name exists that is not the hook’s');
  if (!live || !own || live.metadata.deletionTimestamp !== undefined) return undefined;
  const health = view.healthOf(live);
  if (health.status === 'Healthy') return resultOf({ type, create }, 'Succeeded', '');
  if (health.status !== 'Degraded' && health.status !== 'Unknown') return undefined;
  return resultOf({ type, create }, 'Failed', view.causeOf(live, health));
}

function resultOf(
  { type, create }: Pick<Hook, 'type' | 'create'>,
  hookPhase: HookResult['hookPhase'],
  message: string,
): HookResult {
  return {
    ...namesOf(create.kind, create.object),
    hookType: type,
    hookPhase,
    ...(message === '' ? {} : { message: printable(message, { newlines: true }) }),
  };
}

/** `PreSync hook pod/migrate failed: container migrate exited 1`. SyncFail hooks do not count. */
export function hookFailure(hooks: readonly Hook[]): string | undefined {
  const failed = hooks.find(({ type, result }) => type !== 'SyncFail' && result?.hookPhase === 'Failed');
  if (!failed) return undefined;
  const message = failed.result?.message;
  return `${describeHook(failed)} failed${message === undefined ? '' : `: ${message}`}`;
}

/** Objects of hooks that have ended and whose delete policy says that they go. */
export function endedHookDeletions(hooks: readonly Hook[]): readonly Change[] {
  return hooks.flatMap(({ create, live, own, result }) => {
    if (!live || !own || !result || live.metadata.deletionTimestamp !== undefined) return [];
    const policy = result.hookPhase === 'Succeeded' ? 'HookSucceeded' : 'HookFailed';
    return hookDeletePoliciesOf(create.object).includes(policy) ? [deletionOf(create, live)] : [];
  });
}

/** The object is the hook's manifest: the live one may be from before it became a hook. */
const deletionOf = (create: Change, live: KubeObject): Change => ({ ...create, action: 'delete', live });

export interface HookStep {
  readonly step: readonly Change[];
  readonly waitingFor: string;
}

/** The lowest wave of hooks of this phase that have not ended. */
export function lowestOpenWave(hooks: readonly Hook[], type: HookPhase): number | undefined {
  const open = hooks.filter((hook) => hook.type === type && !hook.result);
  return open.length === 0 ? undefined : Math.min(...open.map(({ create }) => create.wave));
}

/** The step for one wave of a phase; undefined when all its hooks have ended. */
export function planHookWave(hooks: readonly Hook[], type: HookPhase, wave: number): HookStep | undefined {
  const open = hooks
    .filter((hook) => hook.type === type && !hook.result && hook.create.wave === wave)
    .sort((a, b) => byApplyOrder(a.create, b.create));
  const first = open[0];
  if (!first) return undefined;
  const step = open.flatMap(({ create, live, own, foreign }) => {
    if (!live) return [create];
    if (own || foreign || live.metadata.deletionTimestamp !== undefined) return [];
    return [deletionOf(create, live)];
  });
  return { step, waitingFor: describeHook(first) };
}

/** The next step of a phase; undefined when it is over. */
export function planHookPhase(hooks: readonly Hook[], type: HookPhase): HookStep | undefined {
  const wave = lowestOpenWave(hooks, type);
  return wave === undefined ? undefined : planHookWave(hooks, type, wave);
}
