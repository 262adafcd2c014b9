import { describe, expect, it } from 'vitest';
import type { Plan } from '../../../src/controllers/controller.ts';
import {
  DISRUPTION_EVENTS,
  planDisruption,
  type PodScale,
} from '../../../src/controllers/disruption/plan-disruption.ts';
import { eventInput } from '../../../src/controllers/planned-event.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import type { Pod } from '../../../src/schemas/types.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const pod = (name: string, ready = true, metadata = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'ns', ...metadata },
  spec: { containers: [] },
  status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
});
const budget = (spec: object, status: object = {}): KubeObject => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { name: 'b', namespace: 'ns', generation: 1 },
  spec: { selector: { matchLabels: { app: 'web' } }, ...spec },
  status,
});
const plan = (
  spec: object,
  pods: readonly Pod[],
  scale: PodScale | 'unmanaged' | 'unknown' = { uid: 'd', replicas: 4 },
  status = {},
) => planDisruption({ budget: budget(spec, status), pods, scaleOf: () => scale }, NOW);
const budgetOf = ({ writes }: Plan): KubeObject | undefined => writes[0]?.object;
const said = ({ events = [] }: Plan) => events.map((event) => eventInput(DISRUPTION_EVENTS, event));
const pods = [pod('a'), pod('b'), pod('c'), pod('d', false)];

describe('the status of a disruption budget', () => {
  it.each([
    [{ minAvailable: 2 }, { expectedPods: 4, desiredHealthy: 2, currentHealthy: 3, disruptionsAllowed: 1 }],
    [{ minAvailable: '75%' }, { expectedPods: 4, desiredHealthy: 3, disruptionsAllowed: 0 }],
    [{ maxUnavailable: 2 }, { expectedPods: 4, desiredHealthy: 2, disruptionsAllowed: 1 }],
    [{ maxUnavailable: '30%' }, { expectedPods: 4, desiredHealthy: 2, disruptionsAllowed: 1 }],
    [{ maxUnavailable: 9 }, { expectedPods: 4, desiredHealthy: 0, disruptionsAllowed: 3 }],
  ])('counts with %j', (spec, expected) => {
    expect(budgetOf(plan(spec, pods))?.['status']).toMatchObject(expected);
  });

  it('stays as it is when nothing changed, and says nothing', () => {
    const first = plan({ minAvailable: 1 }, []);
    expect(said(first).map(({ reason, message }) => [reason, message])).toEqual([
      ['NoPods', 'No matching pods found'],
    ]);
    const again = planDisruption(
      { budget: budgetOf(first) as KubeObject, pods: [], scaleOf: () => 'unmanaged' },
      NOW + 60_000,
    );
    expect(again).toEqual({ writes: [], events: [] });
  });

  it('does not count what is evicted or on its way out, and forgets an eviction that never came', () => {
    const status = { disruptedPods: { a: '2025-12-31T23:59:00Z', b: '2025-12-31T23:00:00Z' } };
    const going = pod('c', true, { deletionTimestamp: '2026-01-01T00:00:00Z' });
    const result = plan({ minAvailable: 1 }, [pod('a'), pod('b'), going], undefined, status);
    expect(budgetOf(result)?.['status']).toMatchObject({
      currentHealthy: 1,
      disruptionsAllowed: 0,
      disruptedPods: { a: '2025-12-31T23:59:00Z' },
    });
    expect(said(result).map(({ reason }) => reason)).toEqual(['NotDeleted']);
    expect(result.requeueAfterMs).toBe(60_000);
  });

  it('allows nothing for pods that nobody answers for', () => {
    const result = plan({ maxUnavailable: 1 }, [pod('a')], 'unmanaged');
    expect(budgetOf(result)?.['status']).toMatchObject({ expectedPods: 0, disruptionsAllowed: 0 });
    expect(said(result)[0]?.message).toContain(
      '(selector: &LabelSelector{MatchLabels:map[string]string{app: web,},MatchExpressions:[]LabelSelectorRequirement{},}) were found to be unmanaged',
    );
    const unknown = plan({ maxUnavailable: 1 }, [pod('a')], 'unknown');
    expect(budgetOf(unknown)?.['status']).toMatchObject({ conditions: [{ reason: 'SyncFailed' }] });
  });
});
