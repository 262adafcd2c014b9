/**
 * `pods/NAME/eviction`: deletes a pod unless its disruption budget forbids it now. The share of the
 * budget is taken in the commit that deletes the pod.
 */
import type { Clock } from '../../base/clock.ts';
import { isRecord } from '../../base/json.ts';
import { badRequest, conflict, isStatusError } from '../../schemas/errors/status.ts';
import { asRecord } from '../../schemas/json-access.ts';
import { type KubeObject, objectKey } from '../../schemas/object.ts';
import type { DeleteOptions } from '../../schemas/strategy/index.ts';
import type { Pod } from '../../schemas/types.ts';
import { matchesLabelSelector } from '../../schemas/values/selectors.ts';
import { takeTyped } from '../decoding/intake.ts';
import type { TypeSchemas } from '../decoding/type-schemas.ts';
import type { Snapshots } from '../reading/snapshots.ts';
import type { ObjectRef } from '../types.ts';
import type { Write, WritePlan } from '../writing/write-plan.ts';
import type { Writer } from '../writing/writer.ts';
import { isFree, planEviction, withDisruptionTarget } from './plan-eviction.ts';
import type { ObjectAction } from './types.ts';

const BUDGETS = { group: 'policy', plural: 'poddisruptionbudgets' } as const;
/** Lost races for the budget or the pod are planned again this often. */
const MAX_ATTEMPTS = 20;

export function createEviction(options: {
  readonly writer: Writer;
  readonly schemas: TypeSchemas;
  readonly snapshots: Snapshots;
  readonly clock: Clock;
}): ObjectAction {
  const { writer, schemas, snapshots, clock } = options;
  const schema = schemas.ofKind('policy', 'v1', 'Eviction');

  async function plan({ kind, namespace, name }: ObjectRef, removal: DeleteOptions): Promise<WritePlan> {
    const pod = (await writer.get(kind, objectKey(namespace, name))) as Pod;
    checkPreconditions(pod, removal);
    const eviction = planEviction(pod, isFree(pod) ? [] : await budgetsOf(pod), clock.now());
    if ('refused' in eviction) throw eviction.refused;
    const { budget, isPinned } = eviction;
    const deletion = deletionOf(pod, removal, isPinned, clock.now());
    return {
      writes: budget ? [{ verb: 'update', object: budget, subresource: 'status' }, deletion] : [deletion],
    };
  }

  /** The budgets that count the pod, as they are stored. */
  async function budgetsOf(pod: Pod): Promise<readonly KubeObject[]> {
    const budgets = await snapshots.open(BUDGETS);
    await budgets.refresh();
    return budgets.list(pod.metadata.namespace).filter((budget) => {
      const { selector } = asRecord(budget['spec']);
      return selector !== undefined && matchesLabelSelector(selector, pod.metadata.labels);
    });
  }

  return {
    resource: 'pods',
    subresource: 'eviction',
    async create(ref, body, { fieldValidation, dryRun }, context) {
      const type = { apiVersion: 'policy/v1', kind: 'Eviction' };
      const eviction = takeTyped(schemas, schema, asCurrent(body), type, { fieldValidation, context });
      const { name, namespace } = eviction.metadata;
      if (name && name !== ref.name) throw badRequest('name in URL does not match name in Eviction object');
      if (namespace && namespace !== ref.namespace)
        throw badRequest(
          'the namespace of the provided object does not match the namespace sent on the request',
        );
      const given = isRecord(eviction['deleteOptions']) ? eviction['deleteOptions'] : {};
      const dry = dryRun || (Array.isArray(given['dryRun']) && given['dryRun'].includes('All'));
      const removal = removalOf(given);
      const actor = { user: context.user, request: context };
      for (let attempt = 1; ; attempt += 1) {
        const planned = await plan(ref, removal);
        try {
          await writer.write(planned, { actor, dryRun: dry });
          return undefined;
        } catch (error) {
          const isNamed = removal.preconditions?.resourceVersion !== undefined;
          if (!isStatusError(error, 'Conflict') || isNamed || attempt >= MAX_ATTEMPTS) throw error;
        }
      }
    },
  };
}

/** Deletes the pod that the plan was made for; a pinned one only as it was seen. */
function deletionOf(pod: Pod, removal: DeleteOptions, isPinned: boolean, nowMs: number): Write {
  const { uid, resourceVersion, deletionTimestamp } = pod.metadata;
  const write = { verb: 'delete', object: pod, subresource: 'eviction', options: removal } as const;
  if (deletionTimestamp !== undefined) return write;
  const preconditions = {
    ...removal.preconditions,
    ...(uid === undefined ? {} : { uid }),
    ...(isPinned && resourceVersion !== undefined ? { resourceVersion } : {}),
  };
  const mark = (current: KubeObject): KubeObject => withDisruptionTarget(current as Pod, nowMs);
  return { ...write, options: { ...removal, preconditions }, mark };
}

/** Older clients say v1beta1, which is the same. */
function asCurrent(body: unknown): unknown {
  return isRecord(body) && body['apiVersion'] === 'policy/v1beta1'
    ? { ...body, apiVersion: 'policy/v1' }
    : body;
}

/** Before the pod is marked, which changes its version. */
function checkPreconditions({ metadata }: Pod, { preconditions }: DeleteOptions): void {
  const { uid, resourceVersion } = preconditions ?? {};
  const refuse = (what: string, wanted: string, found: string | undefined): Error =>
    conflict(
      { group: '', plural: 'pods' },
      metadata.name,
      `Precondition failed: ${what} in precondition: ${wanted}, ${what} in object meta: ${found ?? ''}`,
    );
  if (uid !== undefined && uid !== metadata.uid) throw refuse('UID', uid, metadata.uid);
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion)
    throw refuse('ResourceVersion', resourceVersion, metadata.resourceVersion);
}

function removalOf(given: Record<string, unknown>): DeleteOptions {
  const { gracePeriodSeconds: grace, propagationPolicy, preconditions } = given;
  const { uid, resourceVersion } = asRecord(preconditions);
  const conditions = {
    ...(typeof uid === 'string' ? { uid } : {}),
    ...(typeof resourceVersion === 'string' ? { resourceVersion } : {}),
  };
  return {
    ...(typeof grace === 'number' ? { gracePeriodSeconds: grace } : {}),
    ...(propagationPolicy === 'Foreground' ||
    propagationPolicy === 'Background' ||
    propagationPolicy === 'Orphan'
      ? { propagationPolicy }
      : {}),
    ...(Object.keys(conditions).length > 0 ? { preconditions: conditions } : {}),
  };
}
