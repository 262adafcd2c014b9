import { describe, expect, it } from 'vitest';
import { planPodStep } from '../../../src/node-agent/pod/plan-pod-step.ts';
import {
  containersOf,
  type PodView,
  type Stopping,
  stopSubject,
} from '../../../src/node-agent/pod/pod-view.ts';
import { type ContainerRecord, labelKeys } from '../../../src/node-agent/runtime/types.ts';
import type { Pod } from '../../../src/schemas/types.ts';
import { aPod } from '../../support/agent-world.ts';

const NOW = 1_000_000;
const record: ContainerRecord = {
  id: 'c1',
  name: 'c1',
  image: 'i',
  imageId: 'i',
  phase: 'running',
  createdAtMs: 0,
  startedAtMs: 0,
  oomKilled: false,
  labels: { [labelKeys.containerName]: 'main', [labelKeys.attempt]: '0' },
};
const hooked = aPod('web', {
  containers: [{ name: 'main', image: 'i', lifecycle: { preStop: { exec: { command: ['x'] } } } }],
});

/** A pod with a grace of 30 s that has been ending for `endingMs`. */
function view(endingMs: number, stopping?: Partial<Stopping>, pod: Pod = aPod('web')): PodView {
  const planned = containersOf(pod);
  const entry: Stopping = {
    container: planned[0],
    reason: 'pod-ended',
    deadlineMs: NOW + 30_000 - endingMs,
    phase: 'asked',
    ...stopping,
  };
  return {
    pod,
    nowMs: NOW,
    records: [record],
    sandboxes: [{ id: 'own', attempt: 0, phase: 'ready' }],
    planned,
    needsIp: true,
    ip: '10.0.0.2',
    holdsIp: true,
    volumes: 'ready',
    images: new Set(['main']),
    problems: new Map(),
    probes: new Map(),
    postStart: new Map(),
    stopping: new Map(stopping ? [['c1', entry]] : []),
    busy: new Set(),
    endingSinceMs: NOW - endingMs,
    removed: false,
    verdict: undefined,
    startTimeMs: 0,
    finalStatusWritten: false,
  };
}
const failing = (seen: PodView, inMs: number): PodView => ({
  ...seen,
  problems: new Map([[stopSubject('c1'), { reason: 'x', message: 'y', failures: 1, retryAtMs: NOW + inMs }]]),
});

describe('the end of a container', () => {
  it.each<[string, PodView, object]>([
    ['begins with the stop signal', view(0), { type: 'stop-container', graceSeconds: 30 }],
    ['has the rest of the grace', view(20_500), { type: 'stop-container', graceSeconds: 10 }],
    ['has two seconds at least', view(100_000), { type: 'stop-container', graceSeconds: 2 }],
    ['begins with the hook', view(0, undefined, hooked), { type: 'run-pre-stop', deadlineMs: NOW + 30_000 }],
    ['has no time for a hook after the grace', view(30_000, undefined, hooked), { type: 'stop-container' }],
    ['waits for the hook', view(10_000, { phase: 'hook' }, hooked), { type: 'wait', untilMs: NOW + 20_000 }],
    [
      'does not wait for the hook longer than the grace',
      view(30_000, { phase: 'hook' }, hooked),
      { type: 'stop-container', graceSeconds: 2 },
    ],
    [
      'goes on after the hook',
      view(10_000, { phase: 'idle' }, hooked),
      { type: 'stop-container', graceSeconds: 20 },
    ],
    ['waits for the engine', view(10_000, {}), { type: 'wait', untilMs: undefined }],
    ['waits after a failure', failing(view(0, { phase: 'idle' }), 500), { type: 'wait', untilMs: NOW + 500 }],
    [
      'is tried again, without another hook',
      failing(view(5_000, { phase: 'idle' }, hooked), 0),
      { type: 'stop-container', graceSeconds: 25 },
    ],
    [
      'waits for an earlier deadline',
      view(10_000, { deadlineMs: NOW + 600_000 }),
      { type: 'wait', untilMs: NOW + 20_000 },
    ],
    [
      'is a kill at an earlier deadline',
      view(30_000, { deadlineMs: NOW + 600_000 }),
      { type: 'kill-container', deadlineMs: NOW },
    ],
    [
      'is a kill that is tried again after its pause',
      failing(view(30_000, { deadlineMs: NOW + 600_000 }), 500),
      { type: 'wait', untilMs: NOW + 500 },
    ],
  ])('%s', (_what, seen, step) => {
    expect(planPodStep(seen)).toMatchObject(step);
  });

  it('goes on in a pod that runs, with the deadline that it began with', () => {
    const seen = {
      ...view(0, { phase: 'idle', deadlineMs: NOW + 4_000, reason: 'liveness-probe' }),
      endingSinceMs: undefined,
    };
    expect(planPodStep(seen)).toMatchObject({
      type: 'stop-container',
      graceSeconds: 4,
      reason: 'liveness-probe',
    });
  });
});
