import { expect, it } from 'vitest';
import type { Pod } from '../../src/schemas/types.ts';
import { createPodReader } from '../../src/scheduler/pod-info.ts';

let read = 0;
const containers = [
  {
    name: 'main',
    get image() {
      read += 1;
      return 'web:1';
    },
    resources: { requests: { cpu: '10m' } },
  },
] as unknown as Pod['spec']['containers'];
const labels = { app: 'web' };

const aPod = (name: string, spec: Partial<Pod['spec']> = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', uid: name, labels },
  spec: { containers, ...spec },
});

it('pods that share their parts are read once, and each is itself', () => {
  const readPod = createPodReader(new Map());
  const first = readPod(aPod('web-0'));
  const readsOfOne = read;
  const infos = Array.from({ length: 50 }, (_, index) => readPod(aPod(`web-${index}`, { nodeName: 'n' })));
  expect(read).toBe(readsOfOne);
  expect(infos.map(({ key }) => key)).toEqual(infos.map((_, index) => `default/web-${index}`));
  expect(new Set(infos.map(({ classKey }) => classKey))).toEqual(new Set([first.classKey]));
  expect(infos[7]?.pod.spec.nodeName).toBe('n');
});

it('a pod with another part is of another class', () => {
  const readPod = createPodReader(new Map());
  const { classKey } = readPod(aPod('web-0'));
  const others: readonly Pod[] = [
    aPod('priority', { priority: 1 }),
    aPod('tolerations', { tolerations: [{ operator: 'Exists' }] }),
    aPod('selector', { nodeSelector: { disk: 'ssd' } }),
    aPod('init', { initContainers: containers }),
    aPod('overhead', { overhead: { cpu: '1' } }),
    aPod('claim', { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] }),
    { ...aPod('labels'), metadata: { name: 'labels', namespace: 'default', labels: { app: 'db' } } },
    { ...aPod('namespace'), metadata: { name: 'namespace', namespace: 'other', labels } },
  ];
  for (const pod of others) {
    expect(readPod(pod).classKey, pod.metadata.name).not.toBe(classKey);
    expect(readPod(aPod('web-1')).classKey).toBe(classKey);
  }
});

it('the claims of ephemeral volumes are those of the pod itself', () => {
  const readPod = createPodReader(new Map());
  const volumes = [{ name: 'v', ephemeral: {} }] as unknown as Pod['spec']['volumes'];
  const claims = ['a', 'b'].map((name) => readPod(aPod(name, volumes ? { volumes } : {})).claims[0]?.name);
  expect(claims).toEqual(['a-v', 'b-v']);
});
