import { describe, expect, it } from 'vitest';
import { createEventMemory, type EventPlan, planEvent } from '../../src/client/plan-event.ts';
import { aNode, aPod } from '../support/builders.ts';

const NOW = Date.UTC(2026, 0, 2);
const source = { component: 'tester' };
const pod = aPod({ name: 'web', resourceVersion: '1' });
const say = (messages: readonly string[], memory = createEventMemory(), about = pod): EventPlan[] => {
  return messages.map((message, index) => {
    const plan = planEvent(
      { about, type: 'Normal', reason: 'Said', message },
      source,
      memory,
      NOW + index * 1000,
    );
    const { group, messages: said } = plan.similar;
    memory.similar.set(group, { messages: said, lastMs: NOW + index * 1000 });
    memory.written.set(plan.key, plan.event);
    return plan;
  });
};

describe('planEvent', () => {
  it('counts repetitions in one Event', () => {
    const [first, second] = say(['hello', 'hello']);
    expect(first).toMatchObject({
      verb: 'create',
      event: { count: 1, firstTimestamp: '2026-01-02T00:00:00Z' },
    });
    expect(second).toMatchObject({
      verb: 'update',
      event: { count: 2, lastTimestamp: '2026-01-02T00:00:01Z' },
    });
    expect(second?.event.metadata.name).toBe(first?.event.metadata.name);
  });

  it('names Events so that those of one second stay in order, after those of the control plane', () => {
    const nameOf = (naming: 'stable' | 'unique', nowMs: number, turn: number): string => {
      const input = { about: pod, type: 'Normal', reason: `${naming}${turn}`, message: 'x' } as const;
      const seen = { times: 1, firstMs: nowMs, turn };
      return planEvent(input, source, createEventMemory(), nowMs, naming, seen).event.metadata.name;
    };
    const inOrder = [
      nameOf('stable', NOW + 5, 1),
      ...Array.from({ length: 20 }, (_, turn) => nameOf('unique', NOW, turn)),
      ...Array.from({ length: 20 }, (_, later) => nameOf('unique', NOW + 1 + later, 0)),
    ];
    expect(inOrder).toEqual([...inOrder].sort());
    expect(new Set(inOrder).size).toBe(41);
  });

  it('says nothing that has power over a terminal', () => {
    const [plan] = say(['a\u001b[2Jb\u202ec\nd']);
    expect(plan?.event.message).toBe('a\\u{1b}[2Jb\\u{202e}c\nd');
  });

  it('takes states of one object for the same object', () => {
    const memory = createEventMemory();
    say(['hello'], memory);
    const about = aPod({ name: 'web', resourceVersion: '2' });
    expect(
      planEvent({ about, type: 'Normal', reason: 'Said', message: 'hello' }, source, memory, NOW).verb,
    ).toBe('update');
  });

  it('combines the tenth different message and those after it', () => {
    const plans = say(Array.from({ length: 12 }, (_, index) => `message ${String(index)}`));
    expect(plans.slice(0, 9).every(({ event }) => event.count === 1)).toBe(true);
    expect(plans[9]?.event.message).toBe('(combined from similar events): message 9');
    expect(plans[11]).toMatchObject({ verb: 'update', event: { count: 3 } });
  });

  it('puts events about cluster-scoped objects into the namespace default', () => {
    const plan = planEvent(
      { about: aNode(), type: 'Warning', reason: 'Bad', message: 'x' },
      source,
      createEventMemory(),
      NOW,
    );
    expect(plan.event.metadata.namespace).toBe('default');
    expect(plan.event.involvedObject).toMatchObject({ kind: 'Node', name: 'n1' });
  });

  it('cuts messages at the limit of the API and keeps their end, where the cause stands', () => {
    const message = say([`${'x'.repeat(5000)}: no such host`])[0]?.event.message ?? '';
    expect(message.length).toBeLessThanOrEqual(1024);
    expect(message).toMatch(/: no such host$/);
  });
});
