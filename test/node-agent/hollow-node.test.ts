/** A whole agent on a hollow node: pods behave as on a real one, but that nothing runs. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { text } from 'node:stream/consumers';
import { createAbort } from '../../src/base/abort.ts';
import { hollowAnnotations } from '../../src/node-agent/runtime/hollow/plan-hollow-pod.ts';
import { labelKeys } from '../../src/node-agent/runtime/types.ts';
import type { Pod } from '../../src/schemas/types.ts';
import { type AgentWorld, aPod, createAgentWorld } from '../support/agent-world.ts';

let world: AgentWorld;
beforeEach(async () => {
  world = await createAgentWorld({ hollowRunForMs: 10_000 });
});
afterEach(() => world[Symbol.asyncDispose]());

const main = { name: 'main', image: 'app:1' };
const withVolume = (volume: object): Partial<Pod['spec']> => ({ volumes: [{ name: 'v', ...volume }] });
const withEnv = (more: object): Partial<Pod['spec']> => ({ containers: [{ ...main, ...more }] });
const phase = (name = 'web') => world.pod(name)?.status?.phase;
const container = (name = 'web') => world.pod(name)?.status?.containerStatuses?.[0];
const messages = (): readonly unknown[] => world.api.list('events').map((event) => event['message']);
const keyOf = (name: string, key: string) => ({ name, key });

describe('what a pod names', () => {
  it.each<[string, Partial<Pod['spec']>, string]>([
    ['a volume', withVolume({ configMap: { name: 'gone' } }), 'configmap "gone" not found'],
    ['a volume', withVolume({ secret: { secretName: 'gone' } }), 'secret "gone" not found'],
    [
      'a projected volume',
      withVolume({ projected: { sources: [{ secret: { name: 'gone' } }] } }),
      'secret "gone" not found',
    ],
    [
      'a volume, by key',
      withVolume({ configMap: { name: 'here', items: [{ key: 'no', path: 'p' }] } }),
      'non-existent config key: no',
    ],
    ['envFrom', withEnv({ envFrom: [{ configMapRef: { name: 'gone' } }] }), 'configmap "gone" not found'],
    [
      'env',
      withEnv({ env: [{ name: 'X', valueFrom: { secretKeyRef: keyOf('gone', 'k') } }] }),
      'secret "gone" not found',
    ],
    [
      'env, by key',
      withEnv({ env: [{ name: 'X', valueFrom: { configMapKeyRef: keyOf('here', 'no') } }] }),
      "couldn't find key no in ConfigMap default/here",
    ],
    ['a class', { runtimeClassName: 'gone' }, 'RuntimeClass "gone" not found'],
  ])('is missed where %s needs it: %#', async (_, spec, expected) => {
    world.api.put('configmaps', { ...configMap('here') });
    world.api.put('pods', aPod('web', spec));
    await world.clock.advance(5_000);
    expect(phase()).toBe('Pending');
    expect(messages().some((message) => String(message).includes(expected))).toBe(true);
  });

  it('is no token of a service account: nothing reads it, and the API is not asked', async () => {
    const serviceAccountToken = { path: 'token' };
    world.api.put('pods', aPod('web', withVolume({ projected: { sources: [{ serviceAccountToken }] } })));
    await world.clock.advance(5_000);
    expect(phase()).toBe('Running');
    expect(world.api.writes.filter((write) => write.includes('serviceaccounts'))).toEqual([]);
  });

  it('lets the pod start once it comes, and is not missed where it is optional', async () => {
    const optional = { configMap: { name: 'never', optional: true } };
    world.api.put('pods', aPod('web', { ...withVolume({ configMap: { name: 'late' } }), ...withEnv({}) }));
    world.api.put('pods', aPod('easy', withVolume(optional)));
    await world.clock.advance(5_000);
    expect([phase(), phase('easy')]).toEqual(['Pending', 'Running']);
    world.api.put('configmaps', configMap('late'));
    await world.clock.advance(200_000);
    expect(phase()).toBe('Running');
  });

  it('reaches the environment of its container', async () => {
    world.api.put('configmaps', configMap('here'));
    world.api.put('pods', aPod('web', withEnv({ envFrom: [{ configMapRef: { name: 'here' } }] })));
    await world.clock.advance(5_000);
    const [record] = world.runtime.snapshot();
    expect(world.runtime.spec(record?.id ?? '')?.env).toContainEqual({ name: 'K', value: 'v' });
  });
});

function configMap(name: string) {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'default', uid: name },
    data: { K: 'v' },
  };
}

describe('probes', () => {
  const probes: Partial<Pod['spec']> = {
    containers: [
      {
        ...main,
        ports: [{ name: 'http', containerPort: 80 }],
        startupProbe: { grpc: { port: 9000 }, periodSeconds: 1 },
        readinessProbe: {
          httpGet: { port: 'http' },
          initialDelaySeconds: 20,
          periodSeconds: 1,
          failureThreshold: 1,
        },
        livenessProbe: { exec: { command: ['x'] }, periodSeconds: 1, failureThreshold: 1 },
      },
    ],
  };

  it('succeed after their delay, and fail for as long as an annotation names them', async () => {
    world.api.put('pods', aPod('web', probes));
    await world.clock.advance(15_000);
    expect([container()?.started, container()?.ready]).toEqual([true, false]);
    await world.clock.advance(10_000);
    expect(container()?.ready).toBe(true);
    await annotate('readiness');
    expect(container()?.ready).toBe(false);
    await annotate('');
    expect(container()?.ready).toBe(true);
    await annotate('liveness');
    expect(container()?.restartCount).toBeGreaterThan(0);
  });

  it('need a port that is there', async () => {
    world.api.put('pods', aPod('web', withEnv({ readinessProbe: { tcpSocket: { port: 'nope' } } })));
    await world.clock.advance(5_000);
    expect(container()?.ready).toBe(false);
    expect(messages()).toContain(
      "Readiness probe errored and resulted in unknown state: couldn't find port: nope",
    );
  });

  async function annotate(value: string): Promise<void> {
    const pod = world.pod('web') as Pod;
    const annotations = { [hollowAnnotations.failingProbes]: value };
    world.api.put('pods', { ...pod, metadata: { ...pod.metadata, annotations } });
    await world.clock.advance(3_000);
  }
});

describe('a pod that is meant to end', () => {
  it('goes through its init containers and succeeds after the configured time', async () => {
    const initContainers = [{ name: 'init', image: 'app:1' }];
    world.api.put('pods', aPod('web', { initContainers, restartPolicy: 'Never' }));
    await world.clock.advance(5_000);
    expect(phase()).toBe('Running');
    await world.clock.advance(10_000);
    expect(phase()).toBe('Succeeded');
  });

  it('fails with the code that its annotation says, or starts again', async () => {
    const annotations = { [hollowAnnotations.runSeconds]: '1', [hollowAnnotations.exitCode]: '3' };
    for (const restartPolicy of ['Never', 'OnFailure'] as const) {
      const pod = aPod(restartPolicy, { restartPolicy });
      world.api.put('pods', {
        ...pod,
        metadata: { ...pod.metadata, name: restartPolicy.toLowerCase(), annotations },
      });
    }
    await world.clock.advance(20_000);
    expect(phase('never')).toBe('Failed');
    expect(container('never')?.state?.terminated?.exitCode).toBe(3);
    expect(phase('onfailure')).toBe('Running');
    expect(container('onfailure')?.restartCount).toBeGreaterThan(0);
  });
});

describe('what needs a running program', () => {
  const HOLLOW = 'Node "n1" is hollow (--runtime hollow): ';
  let id: string;
  beforeEach(async () => {
    world.api.put('pods', aPod('web'));
    await world.clock.advance(5_000);
    const records = world.runtime.snapshot();
    id = records.find(({ labels }) => labels[labelKeys.containerName] === 'main')?.id ?? '';
  });

  it('is answered by a text: logs', async () => {
    const options = { follow: false, timestamps: false };
    const lines = await world.runtime.logs(id, options, createAbort().signal);
    const chunks: Buffer[] = [];
    for await (const chunk of lines) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe(`${HOLLOW}busybox:latest is not run and writes no log\n`);
  });

  it.each([true, false])('is answered by a text: exec with a terminal %s', async (tty) => {
    const session = await world.runtime.execStream(id, ['ls'], { stdin: true, tty });
    const [stdout, stderr] = await Promise.all([
      text(session.stdout),
      session.stderr ? text(session.stderr) : '',
    ]);
    const said = `${HOLLOW}it cannot run a command\n`;
    expect([stdout, stderr]).toEqual(tty ? [said, ''] : ['', said]);
    expect(await session.done).toBe(126);
  });

  it('is answered by a text: attach and port-forward', async () => {
    const session = await world.runtime.attach(id, { stdin: true });
    session.stdout.resume();
    expect(session.stderr && (await text(session.stderr))).toBe(
      `${HOLLOW}there is no program to attach to\n`,
    );
    await expect(world.runtime.dial(id, 80)).rejects.toThrow(`${HOLLOW}nothing listens on port 80`);
  });
});
