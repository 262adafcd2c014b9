/**
 * `pods/NAME/eviction`: deletes a pod unless its disruption budget forbids it now. The share is taken from the budget by a
 * compare-and-set before anything happens to the pod; what is taken for nothing comes back after two minutes.
 */
import type { Clock } from '../../base/clock.ts';
import { isRecord } from '../../base/json.ts';
import { objectKey } from '../../schemas/object.ts';
import type { Registry } from '../../schemas/resource-kind.ts';
import { matchesLabelSelector } from '../../schemas/values/selectors.ts';
import { badRequest, conflict, isStatusError } from '../../schemas/errors/status.ts';
import type { DeleteOptions } from '../../schemas/strategy/index.ts';
import type { Pod } from '../../schemas/types.ts';
import { asRecord } from '../../schemas/json-access.ts';
import type { Objects } from '../writing/objects.ts';
import type { TypeSchemas } from '../decoding/type-schemas.ts';
import { takeTyped } from '../decoding/intake.ts';
import type { Snapshots } from '../reading/snapshots.ts';
import type { Admission } from '../admission/create-admission.ts';
import type { ObjectRef, RequestContext } from '../types.ts';
import type { ObjectAction } from './types.ts';
import { isFree, planEviction, withDisruptionTarget } from './plan-eviction.ts';

const BUDGETS = { group: 'policy', plural: 'poddisruptionbudgets' } as const;
/** Lost races for the budget or the pod are tried again this often. */
const MAX_ATTEMPTS = 20;

export function createEviction(options: {
  readonly objects: Objects;
  readonly admission: Pick<Admission, 'mayRemove'>;
  readonly registry: Registry;
  readonly schemas: TypeSchemas;
  readonly snapshots: Snapshots;
  readonly clock: Clock;
}): ObjectAction {
  const { objects, schemas, snapshots, clock } = options;
  const schema = schemas.ofKind('policy', 'v1', 'Eviction');
  const budgetKind = options.registry.byId('poddisruptionbudgets.policy');

  async function evict(
    ref: ObjectRef,
    removal: DeleteOptions,
    dryRun: boolean,
    context: RequestContext,
  ): Promise<void> {
    const key = objectKey(ref.namespace, ref.name);
    const pod = (await objects.get(ref.kind, key)) as Pod;
    options.admission.mayRemove({ kind: ref.kind, object: pod, context, dryRun, evicts: true });
    let { preconditions } = removal;
    checkPreconditions(pod, removal);
    const plan = isFree(pod) ? undefined : planEviction(pod, await budgetsOf(pod), clock.now());
    if (plan && 'refused' in plan) throw plan.refused;
    if (dryRun) return;
    if (plan?.budget) await objects.update(plan.budget, { subresource: 'status' });
    if (pod.metadata.deletionTimestamp === undefined) {
      const marked = withDisruptionTarget(pod, clock.now());
      const written = await objects.update(marked, { subresource: 'status' });
      // What was let go because it is not ready must not have become ready meanwhile.
      const { resourceVersion, uid } = written.metadata;
      preconditions = {
        ...preconditions,
        ...(uid === undefined ? {} : { uid: preconditions?.uid ?? uid }),
        ...((plan?.unhealthy === true || preconditions?.resourceVersion !== undefined) &&
        resourceVersion !== undefined
          ? { resourceVersion }
          : {}),
      };
    }
    await objects.delete(ref.kind, key, { ...removal, ...(preconditions ? { preconditions } : {}) });
  }

  /** The budgets that count the pod, as they are stored. */
  async function budgetsOf(pod: Pod) {
    if (!budgetKind) return [];
    const { hub, refresh } = await snapshots.open(BUDGETS);
    await refresh();
    return hub.cache.list(pod.metadata.namespace).filter((budget) => {
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
      for (let attempt = 1; ; attempt += 1) {
        try {
          await evict(ref, removal, dry, context);
          return undefined;
        } catch (error) {
          const lostRace = isStatusError(error, 'Conflict') && removal.preconditions === undefined;
          if (!lostRace || attempt >= MAX_ATTEMPTS) throw error;
        }
      }
    },
  };
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
