/**
 * A StatefulSet with volumes on real containers. Everything that a pod has written and synced is
 * there after whatever happens to its pod, its node, the control plane and the datastore.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually, type KubeJson, WAIT_TIMEOUT } from '../support/kubectl.ts';
import { startSymphony, type Symphony } from '../support/symphony.ts';
import { STAY } from './manifests.ts';

const PODS = ['db-0', 'db-1'] as const;

/** One pod on each node. Every start of a pod leaves a line in its log. */
const database = (version: number): string => `apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: ${PODS.length}
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      terminationGracePeriodSeconds: 2
      affinity:
        podAntiAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            - {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: db}}}
      containers:
        - name: main
          image: symphony.example/tools:1
          imagePullPolicy: IfNotPresent
          command: ["sh", "-c", ${JSON.stringify(`echo start ${version} >> /data/log; touch /tmp/up; ${STAY}`)}]
          readinessProbe: {exec: {command: [test, -e, /tmp/up]}, periodSeconds: 1}
          volumeMounts: [{name: data, mountPath: /data}]
  volumeClaimTemplates:
    - metadata: {name: data}
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 10Mi}}}
`;

describe('the data of a StatefulSet', () => {
  let symphony: Symphony;
  let kubectl: Symphony['kubectl'];
  let volumes: readonly string[];
  /** Each pod's log must say this. */
  const logs = { 'db-0': 'start 1\n', 'db-1': 'start 1\n' };

  beforeAll(async () => {
    symphony = await startSymphony({ nodes: 2, files: { 'db.yaml': database(1) } });
    kubectl = symphony.kubectl;
    await eventually('the StatefulSet of Git is there', () => kubectl('get', 'sts', 'db'));
    await isRolledOut();
    volumes = await boundVolumes();
    expect(volumes.every((name) => name.startsWith('pvc-'))).toBe(true);
    await isIntact();
  });
  afterAll(() => symphony?.[Symbol.asyncDispose]());
  beforeEach(() => symphony.explainFailure());

  const isRolledOut = (): Promise<string> => kubectl('rollout', 'status', 'sts/db', WAIT_TIMEOUT);
  const boundVolumes = (): Promise<readonly string[]> =>
    Promise.all(PODS.map((pod) => kubectl('get', 'pvc', `data-${pod}`, '-o', 'jsonpath={.spec.volumeName}')));
  const podOf = (name: string): Promise<KubeJson> => kubectl.json('get', 'pod', name);

  /** Appends to each log. A line that kubectl was told of is synced. */
  async function write(line: string): Promise<void> {
    for (const pod of PODS) {
      await kubectl('exec', pod, '--', 'sh', '-c', `echo ${line} >> /data/log && sync /data/log`);
      logs[pod] += `${line}\n`;
    }
  }

  /** Both claims have their first volumes, and both pods read from them what was written. */
  async function isIntact(): Promise<void> {
    await eventually('every pod has its claim and its volume', async () => {
      expect(await boundVolumes()).toEqual(volumes);
      return true;
    });
    for (const pod of PODS) expect(await kubectl('exec', pod, '--', 'cat', '/data/log')).toBe(logs[pod]);
  }

  it('outlives an update, which starts each pod anew', async () => {
    await write('before the update');
    const sha = await symphony.repository.commit({ 'db.yaml': database(2) });
    await symphony.untilNote(sha, 'success');
    await isRolledOut();
    for (const pod of PODS) logs[pod] += 'start 2\n';
    await isIntact();
  });

  it.each([
    ['a restart', () => symphony.stop()],
    ['a crash', () => symphony.kill({ withRedis: true })],
  ])('outlives %s of the control plane and the agents, and no container stops', async (what, end) => {
    await write(what);
    const containers = await symphony.containers();
    await end();
    await symphony.start();
    for (const pod of PODS) await eventually('its agent is here', () => kubectl('exec', pod, '--', 'true'));
    await write(`after ${what}`);
    await isIntact();
    expect(await symphony.containers()).toEqual(containers);
  });

  it('waits on the drained node of its pod, which comes back to it', async () => {
    await write('before the drain');
    const { spec } = await podOf('db-0');
    await kubectl('drain', spec.nodeName as string, WAIT_TIMEOUT);
    await eventually('the next pod waits for its volume', async () => {
      const { status } = await podOf('db-0');
      const scheduled = (status.conditions as KubeJson[] | undefined)?.find(
        ({ type }) => type === 'PodScheduled',
      );
      expect(scheduled).toMatchObject({ status: 'False', reason: 'Unschedulable' });
      expect(scheduled?.['message']).toContain("1 node(s) didn't match PersistentVolume's node affinity");
      return true;
    });
    const path = await kubectl('get', 'pv', volumes[0] ?? '', '-o', 'jsonpath={.spec.local.path}');
    expect(await readFile(join(path, 'log'), 'utf8')).toBe(logs['db-0']);
    await kubectl('uncordon', spec.nodeName as string);
    await isRolledOut();
    expect((await podOf('db-0')).spec.nodeName).toBe(spec.nodeName);
    logs['db-0'] += 'start 2\n';
    await isIntact();
  });

  it('outlives FLUSHALL, and is there for the pods that start after it', async () => {
    await write('before the loss');
    const containers = await symphony.containers();
    const redis = new Redis({ path: join(symphony.dataDir, 'redis', 'redis.sock'), protocol: 2 });
    await redis.flushall();
    redis.disconnect();
    await eventually('the StatefulSet has its pods again', async () => {
      const { items } = await kubectl.json('get', 'pods', '-l', 'app=db');
      const owners = (items as readonly KubeJson[]).map(({ metadata }) => metadata.ownerReferences?.[0].kind);
      return owners.join() === 'StatefulSet,StatefulSet';
    });
    await isIntact();
    expect(await symphony.containers()).toEqual(containers);
    await write('after the loss');
    await kubectl('rollout', 'restart', 'sts/db');
    await isRolledOut();
    for (const pod of PODS) logs[pod] += 'start 2\n';
    await isIntact();
    for (const { status } of (await kubectl.json('get', 'pv'))['items'] as readonly KubeJson[])
      expect(status).toMatchObject({ phase: 'Bound' });
  });
});
