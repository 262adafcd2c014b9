/**
 * People commit what they exported from a cluster: the sync and all controllers come to rest,
 * whatever is in it.
 */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { controllersFor, startControllers } from '../../src/controllers/start-controllers.ts';
import type { KubeObject } from '../../src/schemas/object.ts';
import { storageIdOf } from '../../src/schemas/resource-kind.ts';
import { rbacSamples } from '../schemas/rbac-samples.ts';
import { storedSamples } from '../schemas/stored-samples.ts';
import { aConfigMap, aDeployment, aPod } from '../support/builders.ts';
import { startControllersOn } from '../support/definitions.ts';
import { type Harness, POLL_MS, createHarness } from './harness.ts';
import { withVerbs } from '../support/objects.ts';

/** Refused in a repository, or not Git's at all. */
const NOT_IN_GIT = [
  'AddressGroup',
  'Application',
  'Event',
  'Ingress',
  'Lease',
  'PersistentVolume',
  'PersistentVolumeClaim',
];
const role = (name: string, rest: object, labels = {}): KubeObject => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRole',
  metadata: { name, labels },
  ...rest,
});
const samples: readonly KubeObject[] = [
  ...storedSamples,
  ...rbacSamples,
  aPod(),
  aDeployment(),
  aConfigMap(),
  role('part', { rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] }, { part: 'yes' }),
  role('whole', { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { part: 'yes' } }] } }),
  {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: 'token',
      namespace: 'default',
      annotations: { 'kubernetes.io/service-account.name': 'default' },
    },
    type: 'kubernetes.io/service-account-token',
  },
];

let at: Harness;
let controllers: AsyncDisposable;
beforeEach(async () => {
  at = await createHarness({ admission: true });
  controllers = await startControllersOn(at, (context) =>
    startControllers(context, controllersFor({ caBundle: 'CA', signSecretToken: async () => 'signed' })),
  );
});
afterEach(async () => {
  await controllers[Symbol.asyncDispose]();
  await at[Symbol.asyncDispose]();
});

it('everything that a cluster has, with what controllers made of it', async () => {
  const objects = withVerbs(at.core.as({ user: { name: 'admin', groups: ['system:masters'] } }));
  await at.pass(2_000);
  for (const sample of samples) {
    const { name, namespace, labels = {}, annotations = {} } = sample.metadata;
    const place = namespace === undefined ? {} : { namespace: 'default' };
    await objects.create({ ...sample, metadata: { name, labels, annotations, ...place } });
  }
  for (let step = 0; step < 10; step += 1) await at.pass(1_000);

  const files: Record<string, string> = {};
  const writes: string[] = [];
  for (const kind of at.registry.stored.filter((one) => !NOT_IN_GIT.includes(one.kind))) {
    const cache = await at.caches.open(storageIdOf(kind));
    for (const object of cache.list()) files[`${Object.keys(files).length}.json`] = JSON.stringify(object);
    cache.subscribe(({ type, key }) => writes.push(`${type} ${kind.kind} ${key}`));
  }
  expect(Object.values(files).filter((text) => text.includes('"kind":"ReplicaSet"')).length).toBeGreaterThan(
    1,
  );
  at.repository.commit(files);
  await at.start();
  // Longer than any deadline: a node without agent is given up, a rollout has failed.
  for (let step = 0; step < 60; step += 1) await at.pass(POLL_MS / 2);
  expect((await at.application())!.status).toMatchObject({
    sync: { status: 'Synced' },
    conditions: [],
  });
  writes.length = 0;
  for (let step = 0; step < 40; step += 1) await at.pass(POLL_MS / 2);
  expect(writes).toEqual([]);
});
