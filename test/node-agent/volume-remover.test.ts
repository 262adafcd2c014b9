/** A hollow agent and its volumes: nothing on a disk, and the same rules. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { silentLogger } from '../../src/base/logger.ts';
import { seededRng } from '../../src/base/rng.ts';
import { createMemoryDirectories } from '../../src/node-agent/volumes/volume-directories.ts';
import { createVolumeRemover } from '../../src/node-agent/volumes/volume-remover.ts';
import type { KubeObject } from '../../src/schemas/object.ts';
import type { Event, PersistentVolume } from '../../src/schemas/types.ts';
import { createAgentFakeApi } from '../support/agent-fake-api.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { type AgentWorld, aPod, createAgentWorld } from '../support/agent-world.ts';
import { aLocalVolume } from '../support/volumes.ts';

let world: AgentWorld;
beforeEach(async () => {
  world = await createAgentWorld({ hollowRunForMs: 1_000 });
});
afterEach(() => world[Symbol.asyncDispose]());

const DELETED = { deletionTimestamp: '2026-01-01T00:00:00Z' };
function put(claim: string, over: Partial<KubeObject['metadata']> = {}, path?: string): void {
  world.api.put('persistentvolumes', aVolumeOf(claim, over, path));
}
function aVolumeOf(
  claim: string,
  over: Partial<KubeObject['metadata']> = {},
  path = `/nonexistent/volumes/pvc-${claim}`,
): PersistentVolume {
  const volume = aLocalVolume('', `pvc-${claim}`);
  return {
    ...volume,
    metadata: { ...volume.metadata, ...over },
    spec: {
      ...volume.spec,
      persistentVolumeReclaimPolicy: 'Delete',
      claimRef: { namespace: 'default', name: claim, uid: `uid-of-${claim}` },
      local: { path },
    },
  };
}
const bind = (claim: string): void =>
  world.api.put('persistentvolumeclaims', {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: claim, namespace: 'default', uid: `uid-of-${claim}` },
    spec: { volumeName: `pvc-${claim}` },
    status: { phase: 'Bound' },
  });
const use = (claim: string): void =>
  world.api.put(
    'pods',
    aPod(`pod-${claim}`, { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: claim } }] }),
  );
const volume = (claim: string) => world.api.get<PersistentVolume>('persistentvolumes', `pvc-${claim}`);
const told = (reason: string): readonly string[] =>
  world.api.list<Event>('events').flatMap((event) => (event.reason === reason ? [event.message ?? ''] : []));

it('names a directory of its node, so that claims find a place', () => {
  expect(world.api.get('nodes', 'n1')?.metadata.annotations).toMatchObject({
    'symphony.dev/volumes-directory': '/nonexistent/volumes',
  });
});

it('starts a pod once its claim is bound, and lets a deleted volume go after the pod', async () => {
  use('a');
  await world.clock.advance(2_000);
  expect(world.running()).toEqual([]);
  expect(told('FailedMount')[0]).toContain('persistentvolumeclaims "a" not found');
  put('a');
  bind('a');
  await world.clock.advance(10_000);
  expect(world.running()).toHaveLength(1);
  put('a', DELETED);
  await world.clock.advance(30_000);
  expect(volume('a')?.metadata.finalizers).toEqual(['symphony.dev/volume']);
  expect(told('VolumeFailedDelete')[0]).toContain('is still used on node n1 by pod');
  const pod = world.pod('pod-a');
  if (!pod) throw new Error('there is no pod');
  world.api.put('pods', { ...pod, metadata: { ...pod.metadata, ...DELETED, deletionGracePeriodSeconds: 1 } });
  await world.clock.advance(30_000);
  expect(volume('a')).toBeUndefined();
});

it('lets the volume of a pod that has ended go, though the pod is still there', async () => {
  put('done');
  bind('done');
  world.api.put(
    'pods',
    aPod('ends', {
      restartPolicy: 'Never',
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'done' } }],
    }),
  );
  await world.clock.advance(10_000);
  expect(world.pod('ends')?.status?.phase).toBe('Succeeded');
  put('done', DELETED);
  await world.clock.advance(5_000);
  expect(volume('done')).toBeUndefined();
});

it('keeps data that somebody saves while it looks for users', async () => {
  const api = createAgentFakeApi();
  const clock = createFakeClock();
  const directories = createMemoryDirectories('/nonexistent/volumes');
  const done: string[] = [];
  let asked = 0;
  const made = aVolumeOf('a', DELETED);
  api.put('persistentvolumes', made);
  await using remover = createVolumeRemover({
    ...{ client: api.client, clock, rng: seededRng(1), logger: silentLogger, nodeName: 'n1' },
    isActive: () => false,
    events: { record: () => undefined },
    runtime: {
      usersOfPath: async () => {
        const spec = { ...made.spec, persistentVolumeReclaimPolicy: 'Retain' as const };
        asked += 1;
        if (asked === 1) api.put('persistentvolumes', { ...made, spec });
        return [];
      },
    },
    volumes: {
      directories: {
        ...directories,
        remove: async () => void done.push('removed'),
        forget: async () => void done.push('kept'),
      },
      usersOf: async () => [],
      removeFromExport: async () => undefined,
    },
  });
  remover.start();
  await clock.advance(1_000);
  expect(done).toEqual(['kept']);
});

it('is not held up by a volume that it must not touch, nor by the control plane being away', async () => {
  put('poison', DELETED, '/etc');
  put('other', { ...DELETED, labels: { 'symphony.dev/node': 'n2' } });
  world.api.setAway(true);
  put('good', DELETED);
  await world.clock.advance(5_000);
  world.api.setAway(false);
  await world.clock.advance(60_000);
  expect(volume('good')).toBeUndefined();
  expect(volume('poison')).toBeDefined();
  expect(volume('other')).toBeDefined();
  expect(told('VolumeFailedDelete')[0]).toContain('"/etc" is no directory of this node\'s volumes');
});

it('tells a control plane that lost its data of the volumes that it has, and keeps the unknown', async () => {
  put('a');
  bind('a');
  use('a');
  await world.clock.advance(10_000);
  const running = world.running();
  world.api.wipe();
  world.api.cluster = { epoch: 'e2', phase: 'rebuilding' };
  await world.clock.advance(700_000);
  expect(world.api.restored.flat().map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
    'PersistentVolume pvc-a',
    'Pod pod-a',
  ]);
  expect(volume('a')).toBeDefined();
  expect(world.running()).toEqual(running);
});
