/**
 * Each way in which a pod can fail on a node leaves an event and a state of its containers, in
 * kubelet's words.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { StepProblem } from '../../../src/node-agent/ports.ts';
import { RuntimeError } from '../../../src/node-agent/runtime/types.ts';
import { type AgentWorld, aPod, createAgentWorld } from '../../support/agent-world.ts';

let world: AgentWorld;
afterEach(() => world[Symbol.asyncDispose]());

interface Told {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly count: number;
  readonly involvedObject: { readonly kind: string; readonly fieldPath?: string; readonly uid?: string };
}
const told = (reason: string): readonly Told[] =>
  (world.api.list('events') as unknown as readonly Told[]).filter((event) => event.reason === reason);
const ofPod = (): readonly string[] =>
  (world.api.list('events') as unknown as readonly Told[])
    .filter(({ involvedObject }) => involvedObject.kind === 'Pod')
    .map(({ reason }) => reason);
const containerOf = () => world.pod('web')?.status?.containerStatuses?.[0];
const mains = (more: object) => ({ containers: [{ name: 'main', image: 'x', ...more }] });

describe('what keeps a pod from starting', () => {
  it('is a volume: the event counts, and the container that is being created says for what it waits', async () => {
    let missing = true;
    const message = 'MountVolume.SetUp failed for volume "data" : configmap "settings" not found';
    const ensure = async () => {
      if (missing) throw new StepProblem('FailedMount', message, { also: ['another volume'] });
      return {
        volumePaths: new Map(),
        agentVolumes: new Set<string>(),
        readOnlyVolumes: new Set<string>(),
        files: { hosts: '/h', resolvConf: '/r' },
      };
    };
    world = await createAgentWorld({ volumes: { ensure } });
    world.api.put('pods', aPod('web'));
    await world.clock.advance(5_000);
    expect(told('FailedMount')).toMatchObject([
      { type: 'Warning', message },
      { type: 'Warning', message: 'another volume' },
    ]);
    expect(told('FailedMount')[0]?.count).toBeGreaterThan(1);
    expect(containerOf()?.state).toEqual({ waiting: { reason: 'ContainerCreating', message } });
    missing = false;
    await world.clock.advance(10_000);
    expect(containerOf()?.state).toHaveProperty('running');
  });

  it('is the engine that refuses the network', async () => {
    world = await createAgentWorld();
    for (let time = 0; time < 3; time += 1) world.runtime.failNext('ensureNetwork', 'invalid');
    world.api.put('pods', aPod('web'));
    await world.clock.advance(1_000);
    expect(told('FailedCreatePodSandBox')).toMatchObject([
      { type: 'Warning', message: 'Failed to create pod sandbox: Cannot ensureNetwork: injected fault' },
    ]);
    expect(containerOf()?.state?.waiting?.reason).toBe('FailedCreatePodSandBox');
    await world.clock.advance(20_000);
    expect(world.running()).toHaveLength(1);
  });

  it('is a host port that somebody has: the pod is not restarted for it, and starts when it is free', async () => {
    world = await createAgentWorld();
    const ports = [{ containerPort: 80, hostPort: 8080 }];
    world.runtime.failNext('start', 'network');
    world.api.put('pods', aPod('web', { ...mains({ ports }), restartPolicy: 'Never' }));
    await world.clock.advance(400);
    expect(told('FailedCreatePodSandBox')).toHaveLength(1);
    expect(told('FailedCreatePodSandBox')[0]?.involvedObject.fieldPath).toBeUndefined();
    expect(containerOf()?.state?.waiting?.reason).toBe('FailedCreatePodSandBox');
    await world.clock.advance(5_000);
    expect(containerOf()).toMatchObject({ restartCount: 0, state: { running: {} } });
  });

  it.each<[string, object, 'create' | 'start', string, string]>([
    [
      'the sandbox',
      { initContainers: [{ name: 'init', image: 'x' }] },
      'start',
      'FailedCreatePodSandBox',
      '',
    ],
    ['a container that is not made', {}, 'create', 'CreateContainerError', 'Failed'],
    ['a container that does not start', {}, 'start', 'RunContainerError', 'Failed'],
  ])('is the engine: %s', async (_, spec, operation, waiting, reason) => {
    world = await createAgentWorld();
    for (let time = 0; time < 2; time += 1) world.runtime.failNext(operation, 'unavailable');
    world.api.put('pods', aPod('web', spec));
    await world.clock.advance(600);
    expect(containerOf()?.state?.waiting).toMatchObject({
      reason: waiting,
      message: expect.stringContaining('injected fault') as string,
    });
    expect(told(reason || waiting)[0]?.message).toContain('injected fault');
    await world.clock.advance(10_000);
    expect(world.running().length).toBeGreaterThan(0);
  });

  it('is an image: the cause, then what the container waits for', async () => {
    world = await createAgentWorld({ pullable: () => false });
    world.api.put('pods', aPod('web', mains({ image: 'x:1' })));
    await world.clock.advance(8_000);
    expect(told('Failed').map(({ message }) => message)).toEqual([
      'Failed to pull image "x:1": Cannot pull image "x:1": manifest unknown',
      'Error: ErrImagePull',
      'Error: ImagePullBackOff',
    ]);
  });

  it('is nothing: names of variables that are none, and credentials that are not there, are told', async () => {
    const data = { 'good-key': '1', 'bad=key': '2' };
    const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'env' }, data } as const;
    const environment = async () => ({
      sources: { configMaps: new Map([['env', configMap]]), secrets: new Map() },
      serviceEnv: [],
    });
    world = await createAgentWorld({ volumes: { environment } });
    const envFrom = [{ configMapRef: { name: 'env' } }];
    world.api.put('pods', aPod('web', { ...mains({ envFrom }), imagePullSecrets: [{ name: 'registry' }] }));
    await world.clock.advance(2_000);
    expect(world.running()).toHaveLength(1);
    expect(told('InvalidEnvironmentVariableNames')[0]?.message).toContain('Keys [bad=key] from');
    expect(told('FailedToRetrieveImagePullSecret')[0]?.message).toBe(
      'Unable to retrieve some image pull secrets (registry); attempting to pull the image may not succeed.',
    );
  });
});

describe('what ends a container', () => {
  const probe = { exec: { command: ['alive'] }, periodSeconds: 1, failureThreshold: 2 };

  it('is told in order: the probe, the end, the next start', async () => {
    const onExec = () => ({ exitCode: 1, output: 'no heartbeat' });
    world = await createAgentWorld({ onExec });
    world.api.put(
      'pods',
      aPod('web', { ...mains({ livenessProbe: probe }), terminationGracePeriodSeconds: 1 }),
    );
    await world.clock.advance(3_000);
    const order = ofPod();
    expect(order.indexOf('Unhealthy')).toBeGreaterThan(order.indexOf('Started'));
    expect(order.indexOf('Killing')).toBeGreaterThan(order.indexOf('Unhealthy'));
    expect(told('Unhealthy')).toMatchObject([{ message: 'Liveness probe failed: no heartbeat' }]);
    expect(told('Unhealthy')[0]?.count).toBeGreaterThan(1);
    await world.clock.advance(120_000);
    expect(told('BackOff')).toHaveLength(1);
    expect(told('BackOff')[0]).toMatchObject({
      message: 'Back-off restarting failed container main in pod web_default(uid-of-web)',
      involvedObject: { fieldPath: 'spec.containers{main}' },
    });
  });

  it('is no back-off of one that has done its work, nor of one that has run again since', async () => {
    // Fails twice, succeeds with the third attempt.
    const programOf = ({ name }: { readonly name: string }) => ({
      exitAfterMs: 1_000,
      exitCode: /_[01]$/.test(name) ? 1 : 0,
    });
    world = await createAgentWorld({ programOf });
    world.api.put('pods', aPod('web', { ...mains({}), restartPolicy: 'OnFailure' }));
    await world.clock.advance(60_000);
    expect(world.pod('web')?.status?.phase).toBe('Succeeded');
    expect(told('BackOff')[0]?.count).toBe(1);
    await world.restartAgent();
    await world.clock.advance(10_000);
    expect(told('BackOff')[0]?.count).toBe(1);
  });

  it('is not promised again where the policy is Never', async () => {
    world = await createAgentWorld({ onExec: () => ({ exitCode: 1, output: '' }) });
    world.api.put(
      'pods',
      aPod('web', {
        ...mains({ startupProbe: probe }),
        restartPolicy: 'Never',
        terminationGracePeriodSeconds: 1,
      }),
    );
    await world.clock.advance(10_000);
    expect(told('Killing').map(({ message }) => message)).toEqual(['Container main failed startup probe']);
  });

  it.each<[string, RuntimeError, boolean, RegExp]>([
    [
      'a command that takes too long',
      new RuntimeError('timeout', 'x', { detail: 'command timed out: "alive" timed out after 1s' }),
      true,
      /^Liveness probe failed: command timed out: "alive" timed out after 1s$/,
    ],
    [
      'no command that is not there',
      new RuntimeError('invalid', 'x', {
        detail: 'exec failed: "alive": executable file not found in $PATH',
      }),
      false,
      /^Liveness probe errored and resulted in unknown state: exec failed: .*\$PATH$/,
    ],
    [
      'no engine that does not answer',
      new RuntimeError('unavailable', 'x', { detail: 'dial unix /s: connect: connection refused' }),
      false,
      /^Liveness probe errored and resulted in unknown state: dial unix/,
    ],
  ])('is %s', async (_, failure, restarts, message) => {
    let failing = true;
    const onExec = () => {
      if (failing) throw failure;
      return { exitCode: 0, output: '' };
    };
    world = await createAgentWorld({ onExec });
    world.api.put(
      'pods',
      aPod('web', { ...mains({ livenessProbe: probe }), terminationGracePeriodSeconds: 1 }),
    );
    await world.clock.advance(3_000);
    failing = false;
    await world.clock.advance(10_000);
    expect((containerOf()?.restartCount ?? 0) > 0).toBe(restarts);
    expect(told('Unhealthy')[0]?.message).toMatch(message);
  });

  it('is not reached: an engine that does not stop it is told', async () => {
    world = await createAgentWorld();
    world.api.put('pods', aPod('web'));
    await world.clock.advance(2_000);
    world.runtime.failNext('stop', 'unavailable');
    world.api.remove('pods', 'default/web');
    await world.clock.advance(2_000);
    expect(told('FailedKillPod')[0]?.message).toBe(
      'error killing pod: failed to "KillContainer" for "main" with KillContainerError: "Cannot stop: injected fault"',
    );
  });
});

it('tells when a sandbox died and another takes its place', async () => {
  world = await createAgentWorld();
  world.api.put(
    'pods',
    aPod('web', { initContainers: [{ name: 'side', image: 'x', restartPolicy: 'Always' }] }),
  );
  await world.clock.advance(5_000);
  const sandbox = world.runtime.snapshot().find(({ name }) => name.startsWith('k8s_POD_'));
  world.runtime.crash(sandbox?.id ?? '', 137);
  await world.clock.advance(60_000);
  expect(told('SandboxChanged')).toMatchObject([
    { type: 'Normal', message: 'Pod sandbox changed, it will be killed and re-created.' },
  ]);
});
