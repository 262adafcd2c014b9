/**
 * How many pods of a PodDisruptionBudget may be evicted now. Pure; the rules, reasons and texts are upstream's disruption
 * controller's.
 *
 * An eviction takes its share from `disruptionsAllowed` and notes the pod in `disruptedPods`; the note counts until the
 * pod is seen to go, or for two minutes.
 */
import { toRfc3339 } from '../../base/clock.ts';
import { jsonEqual, ownMember } from '../../base/json.ts';
import type { EventInput } from '../../client/plan-event.ts';
import { scaleIntOrPercent } from '../../schemas/values/int-or-percent.ts';
import { asList, asRecord, asRecords, asString } from '../../schemas/json-access.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { Pod } from '../../schemas/types.ts';
import { isReady, parseTime } from '../pod-facts.ts';

/** After this time an evicted pod that is still there has not been evicted. */
export const DELETION_TIMEOUT_MS = 120_000;
const COMPONENT = 'controllermanager';

/** A controller that pods of the budget belong to, and how many pods it wants. */
export interface PodScale {
  readonly uid: string;
  readonly replicas: number;
}

/** What is known of the controllers: of each pod, the scale it counts for; `unmanaged` pods have no controller at all. */
export interface DisruptionInput {
  readonly budget: KubeObject;
  /** All that the selector matches. */
  readonly pods: readonly Pod[];
  readonly scaleOf: (pod: Pod) => PodScale | 'unmanaged' | 'unknown';
  readonly nowMs: number;
}

export interface DisruptionPlan {
  /** The budget with its new status; undefined when nothing changes. */
  readonly budget: KubeObject | undefined;
  readonly events: readonly EventInput[];
  readonly requeueAfterMs?: number;
}

interface Expectation {
  readonly expected: number;
  readonly desired: number;
  readonly unmanaged: readonly Pod[];
}

export function planDisruption(input: DisruptionInput): DisruptionPlan {
  const { budget, pods, nowMs } = input;
  const before = asRecord(budget['status']);
  const event = (type: 'Normal' | 'Warning', reason: string, message: string): EventInput => ({
    about: budget,
    type,
    reason,
    message,
    component: COMPONENT,
  });
  const expectation = expect(input);
  if ('failure' in expectation) {
    const condition = { status: 'False', reason: 'SyncFailed', message: expectation.failure };
    const status = {
      ...before,
      observedGeneration: budget.metadata.generation ?? 0,
      disruptionsAllowed: 0,
      conditions: conditionsOf(budget, condition, nowMs),
    };
    const failed = changed(budget, status);
    return {
      budget: failed,
      events: failed
        ? [
            event(
              'Warning',
              'CalculateExpectedPodCountFailed',
              `Failed to calculate the number of expected pods: ${expectation.failure}`,
            ),
          ]
        : [],
    };
  }
  const { expected, desired, unmanaged } = expectation;
  const disrupted = stillDisrupted(input);
  const healthy = pods.filter(
    (pod) =>
      pod.metadata.deletionTimestamp === undefined &&
      !Object.hasOwn(disrupted.pods, pod.metadata.name) &&
      isReady(pod),
  ).length;
  const allowed = expected <= 0 ? 0 : Math.max(0, healthy - desired);
  const condition =
    allowed > 0
      ? { status: 'True', reason: 'SufficientPods', message: '' }
      : { status: 'False', reason: 'InsufficientPods', message: '' };
  const status = {
    conditions: conditionsOf(budget, condition, nowMs),
    currentHealthy: healthy,
    desiredHealthy: desired,
    ...(Object.keys(disrupted.pods).length > 0 ? { disruptedPods: disrupted.pods } : {}),
    disruptionsAllowed: allowed,
    expectedPods: expected,
    observedGeneration: budget.metadata.generation ?? 0,
  };
  const next = changed(budget, status);
  const events: EventInput[] = [];
  if (next && pods.length === 0) events.push(event('Normal', 'NoPods', 'No matching pods found'));
  if (next && unmanaged.length > 0)
    events.push(event('Warning', 'UnmanagedPods', unmanagedText(asRecord(budget['spec'])['selector'])));
  for (const name of disrupted.expired)
    events.push(
      event(
        'Warning',
        'NotDeleted',
        `Pod was expected by PDB ${budget.metadata.namespace ?? ''}/${budget.metadata.name} to be deleted but it wasn't: ${name}`,
      ),
    );
  return {
    budget: next,
    events,
    ...(disrupted.nextMs === undefined ? {} : { requeueAfterMs: disrupted.nextMs }),
  };
}

function changed(budget: KubeObject, status: Record<string, unknown>): KubeObject | undefined {
  return jsonEqual(status, budget['status']) ? undefined : { ...budget, status };
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
function stillDisrupted({ budget, pods, nowMs }: DisruptionInput): Disrupted {
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

/** The condition DisruptionAllowed; its time moves with its status only. */
export function conditionsOf(budget: KubeObject, verdict: Verdict, nowMs: number): readonly unknown[] {
  const { conditions } = asRecord(budget['status']);
  const existing = Array.isArray(conditions) ? conditions.map(asRecord) : [];
  const current = existing.find((condition) => condition['type'] === 'DisruptionAllowed');
  const since = current?.['status'] === verdict.status ? current['lastTransitionTime'] : toRfc3339(nowMs);
  const condition = {
    type: 'DisruptionAllowed',
    ...verdict,
    observedGeneration: budget.metadata.generation ?? 0,
    lastTransitionTime: since,
  };
  return [...existing.filter((other) => other !== current), condition];
}

/** As Go prints a selector. */
function goSelector(selector: unknown): string {
  const { matchLabels, matchExpressions } = asRecord(selector);
  const labels = Object.entries(asRecord(matchLabels)).sort(([a], [b]) => (a < b ? -1 : 1));
  const terms = asRecords(matchExpressions).map(
    ({ key, operator, values }) =>
      `LabelSelectorRequirement{Key:${asString(key)},Operator:${asString(operator)},Values:[${asList(values).map(asString).join(' ')}],},`,
  );
  const map = labels.map(([key, value]) => `${key}: ${asString(value)},`).join('');
  return `&LabelSelector{MatchLabels:map[string]string{${map}},MatchExpressions:[]LabelSelectorRequirement{${terms.join('')}},}`;
}

const unmanagedText = (selector: unknown): string =>
  `Pods selected by this PodDisruptionBudget (selector: ${goSelector(selector)}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.`;
