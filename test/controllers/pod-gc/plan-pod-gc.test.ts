import { describe, expect, it } from 'vitest';
import {
  MISSING_NODE_QUARANTINE_MS,
  planPodGc,
  type PodGcView,
  TERMINATED_LIMIT,
} from '../../../src/controllers/pod-gc/plan-pod-gc.ts';
import type { Pod } from '../../../src/schemas/types.ts';
import { aNode, aPod, frozen, type PodOptions } from '../../support/builders.ts';

const NOW = Date.UTC(2026, 0, 2);
const deletionTimestamp = '2026-01-01T00:10:00Z';
const outOfService = { key: 'node.kubernetes.io/out-of-service', effect: 'NoExecute' } as const;

interface World extends Partial<Omit<PodGcView, 'pods'>> {
  readonly pods: readonly PodOptions[];
}
const writesOf = ({ pods, ...more }: World): string[] =>
  planPodGc(
    {
      pods: pods.map((options) => frozen(aPod(options))),
      nodes: new Map([['n1', aNode()]]),
      missingSinceMs: new Map(),
      ...more,
    },
    NOW,
  ).writes.map(({ verb, object }) => {
    const { phase, conditions = [] } = (object as Pod).status ?? {};
    const said = conditions.map(({ reason }) => reason ?? '').join(' ');
    return `${verb} ${object.metadata.name}${verb === 'update' ? ` ${phase ?? ''} ${said}`.trimEnd() : ''}`;
  });

describe('planPodGc', () => {
  const missing = (sinceMs: number): Partial<PodGcView> => ({ missingSinceMs: new Map([['n9', sinceMs]]) });
  const overdue = missing(NOW - MISSING_NODE_QUARANTINE_MS);
  const unready = aNode({ ready: false, taints: [outOfService] });
  it.each<[string, World, readonly string[]]>([
    ['leaves a pod of a node that is there', { pods: [{ node: 'n1' }] }, []],
    [
      'says first why a pod of a lost node goes',
      { pods: [{ node: 'n9' }], ...overdue },
      ['update web Failed DeletionByPodGC'],
    ],
    ['waits for a node that may register yet', { pods: [{ node: 'n9' }], ...missing(NOW - 39_000) }, []],
    [
      'deletes pods of lost nodes that failed',
      { pods: [{ node: 'n9', phase: 'Failed' }], ...overdue },
      ['delete web'],
    ],
    [
      'leaves it at that where they succeeded: nothing disrupted them',
      { pods: [{ node: 'n9', phase: 'Succeeded' }], ...overdue },
      ['delete web'],
    ],
    ['leaves an unbound pod', { pods: [{}] }, []],
    ['ends an unbound pod that is being deleted', { pods: [{ deletionTimestamp }] }, ['update web Failed']],
    [
      'ends a pod that is being deleted on a node out of service',
      { pods: [{ node: 'n1', deletionTimestamp }], nodes: new Map([['n1', unready]]) },
      ['update web Failed'],
    ],
    [
      'leaves it to a node that is ready',
      {
        pods: [{ node: 'n1', deletionTimestamp }],
        nodes: new Map([['n1', aNode({ taints: [outOfService] })]]),
      },
      [],
    ],
    [
      'leaves a pod that nobody deletes on a node out of service',
      { pods: [{ node: 'n1' }], nodes: new Map([['n1', unready]]) },
      [],
    ],
  ])('%s', (_, world, expected) => {
    expect(writesOf(world)).toEqual(expected);
  });

  it('deletes ended pods beyond the limit: evicted ones first, then the oldest', () => {
    const ended = (name: string, more: PodOptions = {}): PodOptions => ({
      name,
      phase: 'Succeeded',
      creationTimestamp: '2026-01-01T12:00:00Z',
      ...more,
    });
    const kept = Array.from({ length: TERMINATED_LIMIT }, (_, index) => ended(`kept-${String(index)}`));
    const pods = [
      ...kept,
      ended('old', { creationTimestamp: '2026-01-01T00:00:00Z' }),
      ended('evicted', { phase: 'Failed', status: { reason: 'Evicted' } }),
      ended('going', { deletionTimestamp }),
      ended('runs', { phase: 'Running', creationTimestamp: '2025-01-01T00:00:00Z' }),
    ];
    expect(writesOf({ pods }).filter((write) => !write.endsWith(' going'))).toEqual([
      'delete evicted',
      'delete old',
    ]);
    expect(writesOf({ pods: kept })).toEqual([]);
  });
});
