import { expect, it } from 'vitest';
import { seededRng } from '../../../src/base/rng.ts';
import { createPodResources } from '../../../src/node-agent/container-spec/pod-resources.ts';
import { createMemoryPodVolumes } from '../../../src/node-agent/volumes/memory-pod-volumes.ts';
import { pauseContainer, placeContainer } from '../../../src/node-agent/runtime/docker/placed-container.ts';
import { createFakeRuntime } from '../../../src/node-agent/runtime/fake/create-fake-runtime.ts';
import type { DnsWarning } from '../../../src/node-agent/files/plan-pod-files.ts';
import type { PodEvent, PodResources } from '../../../src/node-agent/ports.ts';
import type { Pod } from '../../../src/schemas/types.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const container = { name: 'main', image: 'busybox' };
const pod: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'default', uid: 'u' },
  spec: { containers: [container], runtimeClassName: 'boxed' },
};
const image = { id: 'sha256:1', tags: [], digests: [], sizeBytes: 1, user: '' };

/** On a node whose engine has only `runc`, for a pod whose class has this handler. */
async function withHandler(
  runtimeHandler: string,
  warnings: () => readonly DnsWarning[] = () => [],
  events: PodEvent[] = [],
): Promise<PodResources> {
  const clock = createFakeClock();
  const runtime = createFakeRuntime({ clock, rng: seededRng(1), cluster: 'c', node: 'n1' });
  const info = await runtime.info();
  const volumes = createMemoryPodVolumes();
  return createPodResources({
    volumes: {
      ...volumes,
      ensure: async (...input) => ({
        ...(await volumes.ensure(...input)),
        runtimeHandler,
        warnings: warnings(),
      }),
    },
    cluster: 'c',
    nodeName: 'n1',
    nodeIp: '192.0.2.1',
    network: 'pods',
    clusterDomain: 'cluster.local',
    share: { index: 0, count: 3 },
    info: () => info,
    recordEvent: (_, event) => void events.push(event),
  });
}

it('warns once of what of the DNS configuration does not hold', async () => {
  const events: PodEvent[] = [];
  const warn = (message: string): DnsWarning => ({ reason: 'DNSConfigForming', message });
  let warnings = [warn('too many')];
  const resources = await withHandler('runc', () => warnings, events);
  for (const next of [['too many'], ['too many', 'too long'], ['too many', 'too long']]) {
    await resources.ensureVolumes(pod, '10.244.1.9');
    warnings = next.map(warn);
  }
  await resources.ensureVolumes(pod, '10.244.1.9');
  expect(events).toEqual(
    ['too many', 'too long'].map((message) => ({ type: 'Warning', reason: 'DNSConfigForming', message })),
  );
});

it('refuses a name of the pod that is too long for a host', async () => {
  const resources = await withHandler('runc');
  const spec = { ...pod.spec, setHostnameAsFQDN: true, subdomain: 's'.repeat(40) };
  await resources.ensureVolumes({ ...pod, spec }, '10.244.1.9');
  expect(() => resources.planSandbox({ ...pod, spec }, '10.244.1.9', 0)).toThrow(
    'is too long (64 characters is the max, 70 characters requested)',
  );
});

it('runs every container of a pod with the handler of its class', async () => {
  const resources = await withHandler('runc');
  await resources.ensureVolumes(pod, '10.244.1.9');
  const input = { pod, ip: '10.244.1.9', container, role: 'main', attempt: 0 } as const;
  const plan = await resources.planContainer({ ...input, image });
  if (!plan.ok) throw new Error(plan.message);
  const spec = resources.planSandbox(pod, '10.244.1.9', 0);
  for (const containers of [1, 2]) {
    const sandbox = { id: 'box', spec: { ...spec, containers } };
    expect(placeContainer(plan.spec, sandbox)).toMatchObject({ runtimeHandler: 'runc' });
  }
  expect(pauseContainer(spec, 'pause')).toMatchObject({ runtimeHandler: 'runc' });
});

it('says which handlers the node has where it lacks the one that is wanted', async () => {
  const resources = await withHandler('runsc');
  await expect(resources.ensureVolumes(pod, '10.244.1.9')).rejects.toMatchObject({
    reason: 'FailedCreatePodSandBox',
    message:
      'Failed to create pod sandbox: runtime handler "runsc" is not configured on this node, which has runc',
  });
});

it('tells a container without limits the share of the machine that its node has', async () => {
  const resources = await withHandler('runc');
  await resources.ensureVolumes(pod, '10.244.1.9');
  const env = ['cpu', 'memory', 'ephemeral-storage'].map((name) => ({
    name,
    valueFrom: { resourceFieldRef: { resource: `limits.${name}`, divisor: name === 'cpu' ? '1m' : '1Ki' } },
  }));
  const input = { pod, ip: '10.244.1.9', role: 'main', attempt: 0 } as const;
  const plan = await resources.planContainer({ ...input, container: { ...container, env }, image });
  const kib = (gib: number): string => String(Math.floor((gib * 1024 ** 2) / 3));
  expect(plan).toMatchObject({
    ok: true,
    spec: {
      env: [
        { name: 'HOSTNAME', value: 'web' },
        { name: 'cpu', value: '10666' },
        { name: 'memory', value: kib(256) },
        { name: 'ephemeral-storage', value: kib(1024) },
      ],
    },
  });
});
