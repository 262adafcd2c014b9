/** The first pods wait for nodes that are coming, and for nothing else. */
import { describe, expect, it } from 'vitest';
import { type FirstPlacementInput, planFirstPlacement } from '../../src/scheduler/plan-first-placement.ts';
import type { Node } from '../../src/schemas/types.ts';
import { aNode } from '../support/builders.ts';

const START = 1_000_000;
const TAINT = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' } as const;
const ready = (name: string): Node => aNode({ name });
const registered = (name: string): Node => ({ ...aNode({ name }), status: {} });
const cameAt = (firstMs: number, lastMs = firstMs) => ({ firstMs: START + firstMs, lastMs: START + lastMs });

function at(afterMs: number, over: Partial<FirstPlacementInput>) {
  const { type, missing, untilMs } = planFirstPlacement({
    nowMs: START + afterMs,
    startedAtMs: START,
    expectedNodes: [],
    nodes: [],
    arrivals: undefined,
    ...over,
  });
  return { type, missing, until: untilMs - START };
}

describe('the first placement', () => {
  const expectedNodes = ['n1', 'n2', 'n3'];
  const three = expectedNodes.map(ready);

  it.each<[string, Partial<FirstPlacementInput>, string[]]>([
    ['expected and absent', { expectedNodes, nodes: [ready('n2')] }, ['n1', 'n3']],
    ['registered without a state', { nodes: [ready('n1'), registered('n2')] }, ['n2']],
    ['without addresses', { nodes: [aNode({ name: 'n1', allocatable: { cpu: '1', pods: '0' } })] }, ['n1']],
    ['with the taint of a newcomer', { nodes: [aNode({ name: 'n1', taints: [TAINT] })] }, ['n1']],
  ])('waits for a node that is %s', (_, input, missing) => {
    expect(at(0, input)).toMatchObject({ type: 'wait', missing });
  });

  it.each<[string, Partial<FirstPlacementInput>]>([
    ['all expected nodes can take pods', { expectedNodes, nodes: three, arrivals: cameAt(0) }],
    ['the nodes of a restarted cluster are there', { nodes: three }],
    [
      'a node says that it is not ready',
      { expectedNodes, nodes: [...three, aNode({ name: 'n4', ready: false })] },
    ],
    [
      'an expected node says so',
      { expectedNodes, nodes: [...three.slice(1), aNode({ name: 'n1', ready: false })] },
    ],
    [
      'a node was lost earlier',
      { nodes: [ready('n1'), aNode({ name: 'n2', ready: 'Unknown', taints: [TAINT] })] },
    ],
    ['a node is cordoned', { nodes: [ready('n1'), aNode({ name: 'n2', unschedulable: true })] }],
  ])('waits for nobody when %s', (_, input) => {
    expect(at(0, input)).toMatchObject({ type: 'over', missing: [] });
  });

  it('ends without a node that stays away, later where others kept coming', () => {
    const input = { expectedNodes, nodes: three.slice(0, 2) };
    expect(at(9_999, input)).toMatchObject({ type: 'wait', until: 10_000 });
    expect(at(10_000, input)).toMatchObject({ type: 'over', missing: ['n3'] });
    expect(at(10_000, { ...input, arrivals: cameAt(1_000, 8_000) })).toMatchObject({ until: 18_000 });
    expect(at(61_000, { ...input, arrivals: cameAt(1_000, 60_500) })).toMatchObject({ type: 'over' });
  });

  it('lets pods be refused in a cluster that has no node', () => {
    expect(at(0, {})).toMatchObject({ type: 'wait' });
    expect(at(10_000, {})).toMatchObject({ type: 'refuse' });
    expect(at(10_000, { expectedNodes })).toMatchObject({ type: 'refuse', missing: expectedNodes });
  });

  it('lets pods be refused while every node says that it is down, and gathers those that recover', () => {
    const down = ['n1', 'n2', 'n3'].map((name) => aNode({ name, ready: false }));
    expect(at(0, { expectedNodes, nodes: down })).toMatchObject({ type: 'refuse', missing: [] });
    const recovering = { expectedNodes, nodes: [ready('n1'), ...down.slice(1)], arrivals: cameAt(60_000) };
    expect(at(60_100, recovering)).toMatchObject({ type: 'wait', until: 63_000 });
    expect(at(63_000, recovering)).toMatchObject({ type: 'over' });
    expect(at(60_100, { ...recovering, nodes: three })).toMatchObject({ type: 'over' });
  });

  it('gathers the agents of other hosts around the first one, whenever it comes', () => {
    const first = { nodes: [ready('n1')], arrivals: cameAt(600_000) };
    expect(at(600_100, first)).toMatchObject({ type: 'wait', until: 603_000 });
    expect(at(603_000, first)).toMatchObject({ type: 'over' });
    const second = { nodes: [ready('n1'), ready('n2')], arrivals: cameAt(600_000, 602_000) };
    expect(at(603_000, second)).toMatchObject({ type: 'wait', until: 605_000 });
  });
});
