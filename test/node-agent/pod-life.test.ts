/** The rarer turns of a pod's life, through the whole agent on the fake engine. */
import { afterEach, describe, expect, it } from 'vitest';
import { sleep } from '../../src/base/clock.ts';
import type { Pod } from '../../src/schemas/types.ts';
import { labelKeys, RuntimeError } from '../../src/node-agent/runtime/types.ts';
import { type AgentWorld, aPod, createAgentWorld } from '../support/agent-world.ts';
import { vacantSandbox } from '../support/sandbox.ts';

let world: AgentWorld;
afterEach(() => world[Symbol.asyncDispose]());

const deleting = (pod: Pod | undefined, graceSeconds: number): Pod => {
  if (!pod) throw new Error('there is no such pod');
  const metadata = {
    ...pod.metadata,
    deletionTimestamp: '2026-01-01T00:00:00Z',
    deletionGracePeriodSeconds: graceSeconds,
  };
  return { ...pod, metadata };
};
const reasons = (): readonly unknown[] => world.api.list('events').map((event) => event['reason']);
const messages = (): readonly unknown[] => world.api.list('events').map((event) => event['message']);
const containerOf = (name = 'web') => world.pod(name)?.status?.containerStatuses?.[0];

describe('a store that goes back in time', () => {
  it('has no pod that nobody runs, when an object comes back while its containers are ending', async () => {
    world = await createAgentWorld({ programOf: () => ({ ignoresTerm: true }) });
    world.api.put('pods', aPod('web', { terminationGracePeriodSeconds: 20 }));
    await world.clock.advance(5_000);
    const before = world.pod('web') as Pod;
    expect(before.status?.phase).toBe('Running');
    world.api.remove('pods', 'default/web');
    await world.clock.advance(3_000);
    expect(world.running()).toHaveLength(1);
    world.api.put('pods', before);
    await world.clock.advance(60_000);
    const shown = world.pod('web')?.status?.phase === 'Running';
    expect(world.running().length > 0).toBe(shown);
  });
});

describe('a running pod whose object somebody else ends', () => {
  it.each(['Failed', 'Succeeded'] as const)('stays %s, and its containers stop', async (phase) => {
    world = await createAgentWorld();
    world.api.put('pods', aPod('web'));
    await world.clock.advance(5_000);
    const { status, ...rest } = world.pod('web') as Pod;
    expect([status?.phase, world.running().length]).toEqual(['Running', 1]);
    const ended = { ...status, phase, reason: 'Ended', message: 'by the controller' };
    world.api.put('pods', { ...rest, status: ended });
    await world.clock.advance(60_000);
    expect(world.running()).toEqual([]);
    const told = { ...(phase === 'Failed' ? { reason: 'Ended', message: 'by the controller' } : {}) };
    expect(world.pod('web')?.status).toMatchObject({ phase, ...told });
    await world.restartAgent();
    await world.clock.advance(10_000);
    expect([world.pod('web')?.status?.phase, world.running()]).toEqual([phase, []]);
  });
});

describe('a sandbox that is lost', () => {
  const sandbox = () => world.runtime.snapshot().find(({ name }) => name.startsWith('k8s_POD_'))?.id ?? '';

  it('in the middle of a start keeps no pod from running, whatever its policy', async () => {
    world = await createAgentWorld();
    const { start } = world.runtime;
    world.runtime.start = async () => {
      throw new RuntimeError('unavailable', 'Cannot start: the engine restarts');
    };
    const containers = ['one', 'two'].map((name) => ({ name, image: 'x' }));
    world.api.put('pods', aPod('web', { restartPolicy: 'Never', containers }));
    await world.clock.advance(200);
    world.runtime.crash(sandbox(), 137);
    world.runtime.start = start;
    await world.clock.advance(60_000);
    expect(world.pod('web')?.status?.phase).toBe('Running');
    expect(world.running()).toHaveLength(3);
    expect(world.runtime.snapshot().map(({ phase }) => phase)).not.toContain('created');
  });

  it('to somebody who removes it takes its init containers along', async () => {
    world = await createAgentWorld({
      programOf: ({ name }) => (name.startsWith('k8s_init_') ? { exitAfterMs: 100 } : {}),
    });
    world.api.put('pods', aPod('web', { initContainers: [{ name: 'init', image: 'x' }] }));
    await world.clock.advance(5_000);
    await world.runtime.remove(sandbox());
    await world.clock.advance(60_000);
    expect(world.pod('web')?.status).toMatchObject({
      phase: 'Running',
      initContainerStatuses: [{ restartCount: 1, ready: true }],
      containerStatuses: [{ restartCount: 1, ready: true }],
    });
    expect(reasons()).toContain('SandboxChanged');
  });
});

it('counts a container that somebody removes as restarted', async () => {
  world = await createAgentWorld();
  world.api.put('pods', aPod('web'));
  for (let restarts = 0; restarts < 3; restarts += 1) {
    await world.clock.advance(5_000);
    expect(containerOf()).toMatchObject({ restartCount: restarts, ready: true });
    expect(world.running()).toEqual([`k8s_main_web_default_uid-of-web_${restarts}`]);
    await world.runtime.remove(world.runtime.snapshot()[0]?.id ?? '');
  }
});

describe('restart policies of containers', () => {
  it('go before the policy of the pod', async () => {
    const programOf = ({ name }: { readonly name: string }) =>
      /^k8s_(again|once|init)_/.test(name) ? { exitAfterMs: 100, exitCode: 1 } : {};
    world = await createAgentWorld({ programOf });
    const containers = [
      { name: 'again', image: 'x', restartPolicy: 'Always' },
      { name: 'once', image: 'x', restartPolicy: 'Never' },
      { name: 'stays', image: 'x' },
    ];
    world.api.put('pods', aPod('web', { containers, restartPolicy: 'OnFailure' }));
    const init = [{ name: 'init', image: 'x', restartPolicy: 'Never' }];
    world.api.put('pods', aPod('init', { initContainers: init, containers, restartPolicy: 'Always' }));
    await world.clock.advance(30_000);
    const restarts = world.pod('web')?.status?.containerStatuses?.map(({ restartCount }) => restartCount);
    expect(restarts).toEqual([2, 0, 0]);
    expect(world.pod('web')?.status?.phase).toBe('Running');
    expect(world.pod('init')?.status?.phase).toBe('Failed');
  });
});

describe('deadlines and hooks', () => {
  it('ends a pod that is active longer than activeDeadlineSeconds', async () => {
    world = await createAgentWorld();
    world.api.put('pods', aPod('web', { activeDeadlineSeconds: 10, terminationGracePeriodSeconds: 2 }));
    await world.clock.advance(8_000);
    expect(world.pod('web')?.status?.phase).toBe('Running');
    await world.clock.advance(10_000);
    expect(world.pod('web')?.status).toMatchObject({
      phase: 'Failed',
      reason: 'DeadlineExceeded',
      message: 'Pod was active on the node longer than the specified deadline',
    });
    expect(world.running()).toEqual([]);
  });

  it('holds a container back from Ready until postStart is done', async () => {
    world = await createAgentWorld();
    const lifecycle = { postStart: { sleep: { seconds: 20 } } };
    world.api.put('pods', aPod('web', { containers: [{ name: 'main', image: 'x', lifecycle }] }));
    await world.clock.advance(10_000);
    expect(containerOf()).toMatchObject({ started: false, ready: false, state: { running: {} } });
    await world.clock.advance(15_000);
    expect(containerOf()).toMatchObject({ started: true, ready: true });
  });

  it('runs postStart once, also when the engine loses the answer to the start', async () => {
    const commands: string[] = [];
    world = await createAgentWorld({
      onExec(_, command) {
        commands.push(command.join(' '));
        return { exitCode: 0, output: '' };
      },
    });
    world.runtime.failNext('start', 'unavailable', { afterEffect: true });
    const lifecycle = { postStart: { exec: { command: ['prepare'] } } };
    world.api.put('pods', aPod('web', { containers: [{ name: 'main', image: 'x', lifecycle }] }));
    await world.clock.advance(10_000);
    expect(commands).toEqual(['prepare']);
    expect(containerOf()).toMatchObject({ restartCount: 0, ready: true });
    expect(reasons()).not.toContain('Failed');
  });

  it('restarts a container whose postStart failed', async () => {
    let healthy = false;
    world = await createAgentWorld({
      onExec: () => ({ exitCode: healthy ? 0 : 1, output: 'no such table' }),
    });
    const lifecycle = { postStart: { exec: { command: ['prepare'] } } };
    world.api.put(
      'pods',
      aPod('web', {
        terminationGracePeriodSeconds: 1,
        containers: [{ name: 'main', image: 'x', lifecycle }],
      }),
    );
    await world.clock.advance(2_000);
    healthy = true;
    await world.clock.advance(60_000);
    expect(messages()).toContain('PostStartHook failed: no such table');
    expect(containerOf()?.restartCount).toBeGreaterThan(0);
    expect(containerOf()).toMatchObject({ started: true, ready: true });
  });

  it('runs preStop inside the grace, and kills what neither hook nor signal ends', async () => {
    const commands: string[] = [];
    world = await createAgentWorld({
      onExec: (_, command) => {
        commands.push(command.join(' '));
        return { exitCode: 0, output: '' };
      },
      programOf: () => ({ ignoresTerm: true }),
    });
    const lifecycle = { preStop: { exec: { command: ['drain', 'now'] } } };
    world.api.put('pods', aPod('web', { containers: [{ name: 'main', image: 'x', lifecycle }] }));
    await world.clock.advance(5_000);
    world.api.put('pods', deleting(world.pod('web'), 10));
    await world.clock.advance(5_000);
    expect(commands).toEqual(['drain now']);
    expect(world.running()).toHaveLength(1);
    await world.clock.advance(15_000);
    expect(world.pod('web')).toBeUndefined();
    expect(commands).toHaveLength(1);
  });

  it('says that preStop failed, and stops the container all the same', async () => {
    world = await createAgentWorld({ onExec: () => ({ exitCode: 3, output: 'cannot drain' }) });
    const lifecycle = { preStop: { exec: { command: ['drain'] } } };
    world.api.put('pods', aPod('web', { containers: [{ name: 'main', image: 'x', lifecycle }] }));
    await world.clock.advance(5_000);
    world.api.put('pods', deleting(world.pod('web'), 10));
    await world.clock.advance(20_000);
    expect(world.pod('web')).toBeUndefined();
    expect(messages()).toContain('PreStopHook failed: cannot drain');
  });

  it('lets a container that was started when its grace was over still end by itself', async () => {
    const graces: number[] = [];
    world = await createAgentWorld();
    const stop = world.runtime.stop.bind(world.runtime);
    world.runtime.stop = (id, graceSeconds) => {
      graces.push(graceSeconds);
      return stop(id, graceSeconds);
    };
    world.api.put('pods', aPod('web'));
    await world.clock.advance(5_000);
    world.api.put('pods', deleting(world.pod('web'), 0));
    await world.clock.advance(20_000);
    expect(world.pod('web')).toBeUndefined();
    expect(graces).toEqual([2]);
  });

  it('lets a shorter grace that comes later count', async () => {
    world = await createAgentWorld({ programOf: () => ({ ignoresTerm: true }) });
    world.api.put('pods', aPod('web', { terminationGracePeriodSeconds: 600 }));
    await world.clock.advance(5_000);
    world.api.put('pods', deleting(world.pod('web'), 600));
    await world.clock.advance(30_000);
    expect(world.running()).toHaveLength(1);
    world.api.put('pods', deleting(world.pod('web'), 60));
    await world.clock.advance(35_000);
    expect(world.pod('web')).toBeUndefined();
    expect(world.runtime.snapshot()).toEqual([]);
  });
});

describe('liveness', () => {
  it('is no reason to restart a server that sends the probe to somebody else, but people are told', async () => {
    world = await createAgentWorld({
      probeIo: { http: async () => ({ status: 302, body: 'Found', location: 'http://192.0.2.7/' }) },
    });
    const livenessProbe = { httpGet: { port: 80 }, periodSeconds: 5, failureThreshold: 1 };
    world.api.put('pods', aPod('web', { containers: [{ name: 'main', image: 'x', livenessProbe }] }));
    await world.clock.advance(30_000);
    expect(containerOf()).toMatchObject({ restartCount: 0, ready: true });
    expect(reasons()).toContain('ProbeWarning');
    expect(messages()).toContain('Liveness probe warning: Probe terminated redirects, Response body: Found');
  });

  it('restarts a container that fails its liveness probe, and says why', async () => {
    let healthy = true;
    world = await createAgentWorld({
      onExec: () => ({ exitCode: healthy ? 0 : 1, output: healthy ? '' : 'no heartbeat' }),
    });
    const livenessProbe = { exec: { command: ['alive'] }, periodSeconds: 5, failureThreshold: 2 };
    world.api.put(
      'pods',
      aPod('web', {
        terminationGracePeriodSeconds: 1,
        containers: [{ name: 'main', image: 'x', livenessProbe }],
      }),
    );
    await world.clock.advance(30_000);
    expect(containerOf()).toMatchObject({ restartCount: 0, ready: true });
    healthy = false;
    await world.clock.advance(12_000);
    healthy = true;
    await world.clock.advance(30_000);
    expect(containerOf()).toMatchObject({ restartCount: 1, ready: true });
    expect(messages()).toEqual(
      expect.arrayContaining([
        'Liveness probe failed: no heartbeat',
        'Container main failed liveness probe, will be restarted',
      ]),
    );
    expect(reasons()).toEqual(expect.arrayContaining(['Unhealthy', 'Killing']));
  });
});

describe('admission at the node', () => {
  it('refuses a pod whose host port is taken', async () => {
    world = await createAgentWorld();
    const ports = [{ containerPort: 80, hostPort: 8080 }];
    const spec = { containers: [{ name: 'main', image: 'x', ports }] };
    world.api.put('pods', aPod('first', spec));
    await world.clock.advance(5_000);
    world.api.put('pods', aPod('second', spec));
    await world.clock.advance(5_000);
    expect(world.pod('first')?.status?.phase).toBe('Running');
    expect(world.pod('second')?.status).toMatchObject({
      phase: 'Failed',
      reason: 'NodePorts',
      message:
        "Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
    });
  });
});

describe('changes that must not restart', () => {
  it('leaves containers alone when later defaults appear in their specification', async () => {
    world = await createAgentWorld();
    world.api.put('pods', aPod('web'));
    await world.clock.advance(5_000);
    const before = world.runtime.snapshot();
    const pod = world.pod('web');
    const containers = [
      {
        name: 'main',
        image: 'busybox',
        terminationMessagePath: '/dev/termination-log',
        imagePullPolicy: 'Always',
        resources: {},
      },
    ];
    if (pod) world.api.put('pods', { ...pod, spec: { ...pod.spec, containers } });
    await world.clock.advance(30_000);
    expect(world.runtime.snapshot()).toEqual(before);
  });

  it('forgets the back-off of a container whose image was changed', async () => {
    world = await createAgentWorld({ programOf: () => ({ exitAfterMs: 1_000, exitCode: 1 }) });
    const withImage = (image: string): void => {
      const before = world.pod('web');
      const spec = { containers: [{ name: 'main', image }] };
      world.api.put('pods', before ? { ...before, spec: { ...before.spec, ...spec } } : aPod('web', spec));
    };
    withImage('one');
    await world.clock.advance(120_000);
    const attempts = containerOf()?.restartCount ?? 0;
    expect(attempts).toBeLessThan(6);
    withImage('two');
    // At once, at once again after its end, and once more ten seconds later: as a container that is
    // new.
    await world.clock.advance(17_000);
    expect(containerOf()?.restartCount).toBe(attempts + 3);
  });

  it('replaces a container whose image was changed', async () => {
    world = await createAgentWorld();
    world.api.put('pods', aPod('web'));
    await world.clock.advance(5_000);
    const pod = world.pod('web');
    if (pod)
      world.api.put('pods', {
        ...pod,
        spec: { ...pod.spec, containers: [{ name: 'main', image: 'busybox:2' }] },
      });
    await world.clock.advance(60_000);
    expect(world.running()).toEqual(['k8s_main_web_default_uid-of-web_1']);
    expect(messages()).toContain('Container main definition changed, will be restarted');
  });

  it('leaves containers alone whose hash another agent made by another recipe', async () => {
    world = await createAgentWorld();
    world.api.put('pods', aPod('web'));
    await world.clock.advance(5_000);
    const [running] = world.runtime.snapshot();
    const spec = world.runtime.spec(running?.id ?? '');
    if (!spec) throw new Error('no container runs');
    await world.runtime.remove(running?.id ?? '');
    const labels = { ...spec.labels, [labelKeys.specHash]: '0123456789abcdef', [labelKeys.attempt]: '1' };
    const { network } = spec;
    const sandbox = vacantSandbox(network.type === 'container' ? {} : { network });
    const other = { ...spec, name: spec.name.replace(/_0$/, '_1'), labels };
    const id = await world.runtime.create(other, sandbox);
    await world.runtime.start(id);
    await world.restartAgent();
    await world.clock.advance(120_000);
    expect(world.runtime.snapshot().map((record) => record.id)).toContain(id);
    expect(world.runtime.snapshot().find((record) => record.id === id)?.phase).toBe('running');
  });
});

describe('last words', () => {
  const program = { exitAfterMs: 1_000, exitCode: 3, output: ['starting', 'cannot find my database', ''] };
  const endedWith = (): unknown => containerOf()?.lastState?.terminated?.message;

  it('are the last line of the output of a container that failed without any', async () => {
    world = await createAgentWorld({ programOf: () => program });
    world.api.put('pods', aPod('web'));
    await world.clock.advance(5_000);
    expect(endedWith()).toBe('cannot find my database');
  });

  it('are the error above a stack, however long that is', async () => {
    const frames = Array.from({ length: 30 }, (_unit, line) => `    at f (a.js:${line}:1)`);
    const output = ['starting', 'Error: no such host', ...frames, '', 'Node.js v24.1.0'];
    world = await createAgentWorld({ programOf: () => ({ ...program, output }) });
    world.api.put('pods', aPod('web'));
    await world.clock.advance(5_000);
    expect(endedWith()).toBe('Error: no such host');
  });

  it('are more of the output where the container asks for it', async () => {
    world = await createAgentWorld({ programOf: () => program });
    const terminationMessagePolicy = 'FallbackToLogsOnError';
    world.api.put(
      'pods',
      aPod('web', { containers: [{ name: 'main', image: 'x', terminationMessagePolicy }] }),
    );
    await world.clock.advance(5_000);
    expect(endedWith()).toBe('starting\ncannot find my database\n\n');
  });

  it('are bounded, and keep their end', async () => {
    const output = [`${'x'.repeat(5_000)}: no such host`];
    world = await createAgentWorld({ programOf: () => ({ ...program, output }) });
    world.api.put('pods', aPod('web'));
    await world.clock.advance(5_000);
    expect(endedWith()).toMatch(/^x+ … x+: no such host$/);
    expect(String(endedWith()).length).toBeLessThanOrEqual(256);
  });

  it('are there as soon as the end is, however long the engine takes to tell them', async () => {
    world = await createAgentWorld({ programOf: () => ({ ...program, exitAfterMs: 10_000 }) });
    const logs = world.runtime.logs.bind(world.runtime);
    world.runtime.logs = async (...input) => {
      await sleep(world.clock, 3_000);
      return logs(...input);
    };
    world.api.put('pods', aPod('web', { restartPolicy: 'Never' }));
    await world.clock.advance(12_000);
    expect(world.pod('web')?.status?.phase).toBe('Running');
    await world.clock.advance(3_000);
    expect(world.pod('web')?.status?.phase).toBe('Failed');
    expect(containerOf()?.state?.terminated?.message).not.toBeUndefined();
  });

  it('hold back the end of a container only so long', async () => {
    world = await createAgentWorld({ programOf: () => ({ ...program, exitAfterMs: 10_000 }) });
    world.runtime.logs = () => new Promise(() => undefined);
    world.api.put('pods', aPod('web', { restartPolicy: 'Never' }));
    await world.clock.advance(20_000);
    expect(world.pod('web')?.status?.phase).toBe('Failed');
  });

  it('are none of a container that ended well', async () => {
    world = await createAgentWorld({ programOf: () => ({ ...program, exitCode: 0 }) });
    world.api.put('pods', aPod('web', { restartPolicy: 'Never' }));
    await world.clock.advance(5_000);
    expect(containerOf()?.state?.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' });
    expect(containerOf()?.state?.terminated?.message).toBeUndefined();
  });
});
