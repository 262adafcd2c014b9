import { expect, it } from 'vitest';
import { silentLogger } from '../../../src/base/logger.ts';
import { containerLabels, containerName } from '../../../src/node-agent/container-spec/identity.ts';
import { createStrayContainers } from '../../../src/node-agent/pods/stray-containers.ts';
import type { ContainerRecord } from '../../../src/node-agent/runtime/types.ts';
import { aPod } from '../../support/agent-world.ts';

function recordOf(pod: string, id: string, ip?: string): ContainerRecord {
  const about = aPod(pod);
  const [container] = about.spec.containers;
  if (!container) throw new Error('a pod has a container');
  const place = {
    cluster: 'test',
    nodeName: 'n1',
    attempt: 0,
    role: 'container',
    withManifest: false,
  } as const;
  return {
    id,
    name: containerName(about, container.name, 0),
    labels: containerLabels({ ...place, pod: about, container }),
    image: 'busybox',
    imageId: 'sha256:1',
    phase: 'running',
    createdAtMs: 0,
    oomKilled: false,
    ...(ip === undefined ? {} : { ip }),
  };
}

it('knows the addresses of containers without a worker, until these are gone or taken over', () => {
  const strays = createStrayContainers(silentLogger);
  expect(strays.add(recordOf('a', 'a1', '10.0.0.2'))).toBe(true);
  expect(strays.add(recordOf('b', 'b1', '10.0.0.3'))).toBe(true);
  expect(strays.add(recordOf('b', 'b2'))).toBe(true);
  expect(strays.addresses).toEqual(['10.0.0.2', '10.0.0.3']);
  strays.remove('uid-of-a', 'a1');
  // With its last container, the pod is gone.
  expect([strays.has('uid-of-a'), strays.uids]).toEqual([false, ['uid-of-b']]);
  expect(strays.take('uid-of-b').map(({ id }) => id)).toEqual(['b1', 'b2']);
  expect(strays.addresses).toEqual([]);
});

it('leaves a container alone that has copied the labels of a pod', () => {
  const strays = createStrayContainers(silentLogger);
  expect(strays.add({ ...recordOf('a', 'a1', '10.0.0.2'), name: 'mine' })).toBe(false);
  expect(strays.uids).toEqual([]);
});
