/**
 * How many pods of a PodDisruptionBudget may be evicted now. Pure; rules and texts are upstream's.
 *
 * An eviction takes its share from `disruptionsAllowed` and notes the pod in `disruptedPods`. The
 * note counts until the pod is seen to go, or for two minutes.
 */
import { jsonEqual, ownMember } from '../../base/json.ts';
import { scaleIntOrPercent } from '../../schemas/values/int-or-percent.ts';
import { asRecord } from '../../schemas/json-access.ts';
import { transitionTime, withConditions } from '../../schemas/conditions.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { Pod } from '../../schemas/types.ts';
import type { Write } from '../../resources/writing/write-plan.ts';
import type { Plan } from '../controller.ts';
import { goSelector } from '../go-selector.ts';
import { isDeleting, statusUpdate } from '../ownership.ts';
import { eventsOf, type EventTexts, normal, warning } from '../planned-event.ts';
import { isReady, parseTime } from '../pod-facts.ts';

/** After this time an evicted pod that is still there has not been evicted. */
export const DELETION_TIMEOUT_MS = 120_000;

/** A controller that pods of the budget belong to, and how many pods it wants. */
export interface PodScale {
  readonly uid: string;
  readonly replicas: number;
}

export interface DisruptionInput {
  readonly budget: KubeObject;
  /** All that the selector matches. */
  readonly pods: readonly Pod[];
  /** The scale that a pod counts for; `unmanaged` pods have no controller at all. */
  readonly scaleOf: (pod: Pod) => PodScale | 'unmanaged' | 'unknown';
}

export const DISRUPTION_EVENTS = {
  component: 'controllermanager',
  texts: {
    uncountable: warning(
      'CalculateExpectedPodCountFailed',
      (failure) => `Failed to calculate the number of expected pods: ${failure}`,
    ),
    noPods: normal('NoPods', () => 'No matching pods found'),
    unmanaged: warning(
      'UnmanagedPods',
      (selector) =>
        `Pods selected by this PodDisruptionBudget (selector: ${selector}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.`,
    ),
    notDeleted: warning(
      'NotDeleted',
      (namespace, name, pod) =>
        `Pod was expected by PDB ${namespace}/${name} to be deleted but it wasn't: ${pod}`,
    ),
  },
} satisfies EventTexts;

const event = eventsOf<typeof DISRUPTION_EVENTS.texts>();

interface Expectation {
  readonly expected: number;
  readonly desired: number;
  readonly unmanaged: readonly Pod[];
}

export function planDisruption(input: DisruptionInput, nowMs: number): Plan {
  const { budget, pods } = input;
  const expectation = expect(input);
  if ('failure' in expectation) return planUncountable(budget, expectation.failure, nowMs);
  const { expected, desired, unmanaged } = expectation;
  const disrupted = stillDisrupted(input, nowMs);
  const healthy = pods.filter(
    (pod) => !isDeleting(pod) && !Object.hasOwn(disrupted.pods, pod.metadata.name) && isReady(pod),
  ).length;
  const allowed = expected <= 0 ? 0 : Math.max(0, healthy - desired);
  const condition =
    allowed > 0
      ? { status: 'True', reason: 'SufficientPods', message: '' }
      : { status: 'False', reason: 'InsufficientPods', message: '' };
  const writes = statusWrites(budget, {
    conditions: conditionsOf(budget, condition, nowMs),
    currentHealthy: healthy,
    desiredHealthy: desired,
    ...(Object.keys(disrupted.pods).length > 0 ? { disruptedPods: disrupted.pods } : {}),
    disruptionsAllowed: allowed,
    expectedPods: expected,
    observedGeneration: budget.metadata.generation ?? 0,
  });
  const isNews = writes.length > 0;
  const { name, namespace = '' } = budget.metadata;
  const events = [
    ...(isNews && pods.length === 0 ? [event('noPods', budget)] : []),
    ...(isNews && unmanaged.length > 0
      ? [event('unmanaged', budget, goSelector(asRecord(budget['spec'])['selector']))]
      : []),
    ...disrupted.expired.map((pod) => event('notDeleted', budget, namespace, name, pod)),
  ];
  const { nextMs } = disrupted;
  return { writes, events, ...(nextMs === undefined ? {} : { requeueAfterMs: nextMs }) };
}

function planUncountable(budget: KubeObject, failure: string, nowMs: number): Plan {
  const condition = { status: 'False', reason: 'SyncFailed', message: failure };
  const writes = statusWrites(budget, {
    ...asRecord(budget['status']),
    observedGeneration: budget.metadata.generation ?? 0,
    disruptionsAllowed: 0,
    conditions: conditionsOf(budget, condition, nowMs),
  });
  return { writes, events: writes.length > 0 ? [event('uncountable', budget, failure)] : [] };
}

function statusWrites(budget: KubeObject, status: Record<string, unknown>): readonly Write[] {
  return jsonEqual(status, budget['status']) ? [] : [statusUpdate({ ...budget, status })];
}

function expect({ budget, pods, scaleOf }: DisruptionInput): Expectation | { readonly failure: string } {
  const { minAvailable, maxUnavailable } = asRecord(budget['spec']);
  if (maxUnavailable === undefined && typeof minAvailable === 'number')
    return { expected: pods.length, desired: minAvailable, unmanaged: [] };
  const scales = new Map<string, number>();
  const unmanaged: Pod[] = [];
  if (maxUnavailable === undefined && minAvailable === undefined)
    return { expected: 0, desired: 0, unmanaged };
  for (const pod of pods) {
    const scale = scaleOf(pod);
    if (scale === 'unmanaged') unmanaged.push(pod);
    else if (scale === 'unknown') return { failure: `found no controllers for pod "${pod.metadata.name}"` };
    else scales.set(scale.uid, scale.replicas);
  }
  const expected = [...scales.values()].reduce((sum, replicas) => sum + replicas, 0);
  const share = scaleIntOrPercent(maxUnavailable ?? minAvailable, expected, 'up') ?? 0;
  const desired = maxUnavailable === undefined ? share : Math.max(0, expected - share);
  return { expected, desired, unmanaged };
}

interface Disrupted {
  readonly pods: Readonly<Record<string, string>>;
  readonly expired: readonly string[];
  readonly nextMs: number | undefined;
}

/** Evicted pods that are neither gone nor going, as long as they are believed to go. */
function stillDisrupted({ budget, pods }: DisruptionInput, nowMs: number): Disrupted {
  const noted = asRecord(asRecord(budget['status'])['disruptedPods']);
  const kept: Record<string, string> = {};
  const expired: string[] = [];
  const waits: number[] = [];
  for (const { metadata } of pods) {
    const since = ownMember(noted, metadata.name);
    if (typeof since !== 'string' || metadata.deletionTimestamp !== undefined) continue;
    const left = (parseTime(since) ?? 0) + DELETION_TIMEOUT_MS - nowMs;
    if (left <= 0) expired.push(metadata.name);
    else {
      kept[metadata.name] = since;
      waits.push(left);
    }
  }
  return { pods: kept, expired, nextMs: waits.length === 0 ? undefined : Math.min(...waits) };
}

interface Verdict {
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

function conditionsOf(budget: KubeObject, verdict: Verdict, nowMs: number): readonly unknown[] {
  const { conditions } = asRecord(budget['status']);
  const judged = { type: 'DisruptionAllowed', ...verdict };
  const condition = {
    ...judged,
    observedGeneration: budget.metadata.generation ?? 0,
    lastTransitionTime: transitionTime(conditions, judged, nowMs),
  };
  return withConditions(conditions, [condition]);
}
