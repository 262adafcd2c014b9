import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Pod } from '../../../src/schemas/types.ts';
import { SANDBOX_NAME, specHash } from '../../../src/node-agent/container-spec/identity.ts';
import { sandboxShapeOf } from '../../../src/node-agent/container-spec/plan-sandbox-spec.ts';
import { planPodStep } from '../../../src/node-agent/pod/plan-pod-step.ts';
import type { PodStep } from '../../../src/node-agent/pod/pod-step.ts';
import { planPodStatus } from '../../../src/node-agent/pod/plan-pod-status.ts';
import {
  type PodView,
  type Stopping,
  agentLabels,
  containersOf,
} from '../../../src/node-agent/pod/pod-view.ts';
import { sandboxesOf } from '../../../src/node-agent/runtime/docker/placed-container.ts';
import { type ContainerRecord, labelKeys } from '../../../src/node-agent/runtime/types.ts';
import { aPod } from '../../support/agent-world.ts';

/**
 * A model of the engine that the plan drives: what it starts runs, until an event of the sequence
 * ends it.
 */
function createModel(pod: Pod) {
  const records = new Map<string, ContainerRecord>();
  const stopping = new Map<string, Stopping>();
  let nowMs = 1_000_000;
  let endingSinceMs: number | undefined;
  let status: Pod['status'];
  let holdsIp = true;
  const view = (): PodView => ({
    pod: { ...pod, ...(status ? { status } : {}) },
    nowMs,
    records: [...records.values()],
    planned: containersOf(pod),
    sandboxes: sandboxesOf([...records.values()], sandboxShapeOf(pod)),
    needsIp: true,
    ip: '10.0.0.2',
    holdsIp,
    volumes: 'ready',
    images: new Set(containersOf(pod).map(({ container }) => container.name)),
    problems: new Map(),
    probes: new Map(),
    postStart: new Map(),
    stopping,
    busy: new Set(),
    endingSinceMs,
    removed: false,
    verdict: undefined,
    startTimeMs: 1_000_000,
    finalStatusWritten: true,
  });
  const start = (name: string, role: string, attempt: number, level = 0, sandboxAttempt = 0): void => {
    const id = `${name}-${attempt}`;
    expect([...records.values()].filter((r) => r.phase === 'running' && nameOf(r) === name)).toEqual([]);
    expect(records.has(id)).toBe(false);
    expect(holdsIp).toBe(true);
    records.set(id, {
      id,
      name: id,
      image: 'i',
      imageId: 'i',
      phase: 'running',
      createdAtMs: nowMs,
      startedAtMs: nowMs,
      oomKilled: false,
      labels: {
        [labelKeys.containerName]: name,
        [labelKeys.role]: role,
        [labelKeys.attempt]: String(attempt),
        [labelKeys.specHash]: hashOf(name),
        [agentLabels.backoffLevel]: String(level),
        [agentLabels.sandboxAttempt]: String(sandboxAttempt),
      },
    });
  };
  const hashOf = (name: string): string => {
    const planned = containersOf(pod).find(({ container }) => container.name === name);
    return specHash(planned?.container ?? SANDBOX_NAME);
  };
  const nameOf = (record: ContainerRecord): string => record.labels[labelKeys.containerName] ?? '';
  const end = (id: string, exitCode: number): void => {
    const record = records.get(id);
    if (record?.phase === 'running') {
      records.set(id, { ...record, phase: 'exited', exitCode, finishedAtMs: nowMs });
    }
    stopping.delete(id);
  };
  function execute(step: PodStep): boolean {
    switch (step.type) {
      case 'start-sandbox':
        start('POD', 'pod', step.attempt);
        return true;
      case 'start-container':
        start(
          step.container.container.name,
          'container',
          step.attempt,
          step.backoffLevel,
          step.sandbox.attempt,
        );
        return true;
      case 'stop-container':
        stopping.set(step.record.id, { ...step, phase: 'asked' });
        return true;
      case 'stop-sandbox':
        expect([...records.values()].filter(({ phase }) => phase === 'running')).toHaveLength(1);
        end(step.id, 137);
        return true;
      case 'remove-sandbox':
        expect(records.get(step.id)?.phase).toBe('exited');
        records.delete(step.id);
        return true;
      case 'remove-container':
        expect(step.record.phase).not.toBe('running');
        records.delete(step.record.id);
        return true;
      case 'release-ip':
        expect([...records.values()].every(({ phase }) => phase === 'exited')).toBe(true);
        holdsIp = false;
        return true;
      default:
        return false;
    }
  }
  return {
    run() {
      for (let steps = 0; steps < 100; steps += 1) {
        const seen = view();
        const next = planPodStatus({
          ...seen,
          hostIp: '192.0.2.1',
          previous: status,
          terminationMessages: new Map(),
        });
        const restarts = (of: Pod['status']): number =>
          (of?.containerStatuses ?? []).reduce((sum, item) => sum + item.restartCount, 0);
        expect(restarts(next)).toBeGreaterThanOrEqual(restarts(status));
        if (status?.phase === 'Succeeded' || status?.phase === 'Failed')
          expect(next.phase).toBe(status.phase);
        const before = status?.phase;
        status = next;
        if (execute(planPodStep(seen)) || status.phase !== before) continue;
        if (status.phase === 'Succeeded' || status.phase === 'Failed') expect(holdsIp).toBe(false);
        return;
      }
      throw new Error('the plan does not come to rest');
    },
    event(choice: number, exitCode: number) {
      const live = [...records.values()].filter((record) => record.phase === 'running');
      const target = live[choice % Math.max(live.length, 1)];
      if (target) end(target.id, exitCode);
    },
    finishStops: () => [...stopping.keys()].forEach((id) => end(id, 143)),
    pass(ms: number) {
      nowMs += ms;
    },
    delete() {
      endingSinceMs ??= nowMs;
    },
    records,
  };
}

const action = fc.oneof(
  fc.record({ type: fc.constant('exit' as const), choice: fc.nat(5), code: fc.constantFrom(0, 1, 137) }),
  fc.record({ type: fc.constant('pass' as const), ms: fc.constantFrom(1, 10_000, 400_000) }),
  fc.record({ type: fc.constant('stopped' as const) }),
  fc.record({ type: fc.constant('delete' as const) }),
);

describe('planPodStep, driven by any sequence of events', () => {
  it('never has two live containers of one name, never counts restarts backwards, never leaves a terminal phase, keeps its address exactly until it is over', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('Always', 'OnFailure', 'Never'),
        fc.boolean(),
        fc.array(action, { maxLength: 25 }),
        (restartPolicy, several, actions) => {
          const pod = aPod('p', {
            restartPolicy,
            ...(several
              ? {
                  initContainers: [
                    { name: 'init', image: 'i' },
                    { name: 'side', image: 'i', restartPolicy: 'Always' },
                  ],
                  containers: [
                    { name: 'a', image: 'i' },
                    { name: 'b', image: 'i' },
                  ],
                }
              : {}),
          });
          const model = createModel(pod);
          model.run();
          for (const next of actions) {
            if (next.type === 'exit') model.event(next.choice, next.code);
            else if (next.type === 'pass') model.pass(next.ms);
            else if (next.type === 'stopped') model.finishStops();
            else model.delete();
            model.run();
          }
          // A deleted pod always comes to its end.
          model.delete();
          for (let round = 0; round < 6; round += 1) {
            model.pass(60_000);
            model.run();
            model.finishStops();
          }
          model.run();
          expect([...model.records.keys()]).toEqual([]);
        },
      ),
      { numRuns: 300 },
    );
  });
});
