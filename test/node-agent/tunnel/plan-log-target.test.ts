import { describe, expect, it } from 'vitest';
import { planLogTarget } from '../../../src/node-agent/tunnel/plan-log-target.ts';
import { type ContainerRecord, labelKeys } from '../../../src/node-agent/runtime/types.ts';
import type { Pod, PodStatus } from '../../../src/schemas/types.ts';

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'default' },
  spec: { containers: [{ name: 'main' }], initContainers: [{ name: 'first' }] },
} as unknown as Pod;

const attempt = (number: number, phase: ContainerRecord['phase'], name = 'main'): ContainerRecord => ({
  id: `${name}-${number}`,
  name: `k8s_${name}_web_default_uid_${number}`,
  labels: {
    [labelKeys.containerName]: name,
    [labelKeys.role]: 'container',
    [labelKeys.attempt]: String(number),
  },
  image: 'x',
  imageId: 'x',
  phase,
  createdAtMs: number,
  oomKilled: false,
});
const waiting = (reason: string): PodStatus =>
  ({ containerStatuses: [{ name: 'main', state: { waiting: { reason } } }] }) as unknown as PodStatus;
const running = {
  containerStatuses: [{ name: 'main', state: { running: {} } }],
} as unknown as PodStatus;

const idOf = (
  status: PodStatus | undefined,
  records: readonly ContainerRecord[],
  previous: boolean,
): string => {
  const target = planLogTarget(pod, status, records, 'main', previous);
  return target.ok ? target.record.id : target.message;
};

describe('the log that is meant', () => {
  it('is of the attempt that runs, or the one before it', () => {
    const records = [attempt(0, 'exited'), attempt(1, 'exited'), attempt(2, 'running')];
    expect(idOf(running, records, false)).toBe('main-2');
    expect(idOf(running, records, true)).toBe('main-1');
  });

  it('is of the last attempt either way while the next one waits', () => {
    const records = [attempt(0, 'exited')];
    expect(idOf(waiting('CrashLoopBackOff'), records, false)).toBe('main-0');
    expect(idOf(waiting('CrashLoopBackOff'), records, true)).toBe('main-0');
  });

  it('is of an init container that has ended', () => {
    const target = planLogTarget(pod, undefined, [attempt(0, 'exited', 'first')], 'first', false);
    expect(target).toMatchObject({ ok: true, record: { id: 'first-0' } });
  });

  it.each([
    ['ContainerCreating', 'container "main" in pod "web" is waiting to start: ContainerCreating'],
    ['ErrImagePull', 'container "main" in pod "web" is waiting to start: image can\'t be pulled'],
    [
      'ImagePullBackOff',
      'container "main" in pod "web" is waiting to start: trying and failing to pull image',
    ],
  ])('is none while the container waits: %s', (reason, message) => {
    expect(idOf(waiting(reason), [attempt(0, 'created')], false)).toBe(message);
  });

  it('is none of a container that there is not, or that never ended', () => {
    expect(planLogTarget(pod, undefined, [], 'other', false)).toEqual({
      ok: false,
      message: 'container other is not valid for pod web',
    });
    expect(idOf(running, [attempt(0, 'running')], true)).toBe(
      'previous terminated container "main" in pod "web" not found',
    );
  });
});
