/** The Docker adapter on the real Engine: the contract, and what only a real engine shows. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { createDockerRuntime } from '../../../src/node-agent/runtime/docker/create-docker-runtime.ts';
import {
  type ContainerRuntime,
  type ContainerSpec,
  labelKeys,
  type LogOptions,
} from '../../../src/node-agent/runtime/types.ts';
import { describeContainerRuntime } from '../../contracts/container-runtime.ts';
import {
  connectDocker,
  engineHost,
  ensureTestImages,
  freeSubnet,
  removeCluster,
  TEST_IMAGE,
  uniqueCluster,
} from '../../support/docker.ts';
import { createLinkedRuntime } from '../../support/linked-runtime.ts';
import { aContainerSpec, aSandboxSpec, vacantSandbox } from '../../support/sandbox.ts';

const connect = (cluster: string, node: string): ContainerRuntime =>
  createDockerRuntime({ host: engineHost(), cluster, node, clock: systemClock, logger: silentLogger });

const SERVER = ['sh', '-c', 'trap "exit 7" TERM; while :; do sleep 1 & wait $!; done'];

const connectLinked = (
  cluster: string,
  node: string,
  network: Parameters<ContainerRuntime['ensureNetwork']>[0],
): ContainerRuntime => {
  const runtime = createLinkedRuntime(cluster, node);
  const ready = runtime.ensureNetwork(network);
  return {
    ...runtime,
    // As an agent does, which asks for the network before it starts anything.
    ensureSandbox: (spec) => ready.then(() => runtime.ensureSandbox(spec)),
    create: (spec, sandbox) => ready.then(() => runtime.create(spec, sandbox)),
  };
};

describe.each(['by the engine', 'by the agent'])('connected %s', (how) => {
  describeContainerRuntime('docker', async () => {
    await ensureTestImages();
    const cluster = uniqueCluster();
    const net = await freeSubnet();
    const network = { name: `symphony-${cluster}`, subnet: net.subnet, gateway: net.gateway };
    const first = connect(cluster, 'n0');
    if (how === 'by the engine') await first.ensureNetwork(network);
    return {
      image: TEST_IMAGE,
      missingImage: 'symphony.test/nothing:1',
      network: network.name,
      ip: (host) => net.ip(host),
      cluster,
      connect: (node) =>
        how === 'by the engine' ? connect(cluster, node) : connectLinked(cluster, node, network),
      programs: {
        server: SERVER,
        stubborn: ['sh', '-c', 'trap "" TERM; while :; do sleep 1; done'],
        speaker: ['sh', '-c', 'echo one; echo two; exit 3'],
      },
      probe: ['true'],
      dispose: () => removeCluster(cluster),
    };
  });
});

describe('docker runtime on a real engine', () => {
  const cluster = uniqueCluster();
  const runtime = connect(cluster, 'n1');
  const docker = connectDocker();

  beforeAll(() => ensureTestImages());
  afterAll(() => removeCluster(cluster));

  it('makes one network for all nodes that ask for it together', async () => {
    const { subnet, gateway } = await freeSubnet();
    const nodes = ['n1', 'n2', 'n3', 'n4', 'n5'].map((node) => connect(cluster, node));
    const network = { name: `symphony-${cluster}`, subnet, gateway };
    await Promise.all(nodes.map((node) => node.ensureNetwork(network)));
    const made = (await docker.listNetworks()).filter(({ Name }) => Name === network.name);
    expect(made.map(({ IPAM }) => IPAM?.Config?.[0]?.['Subnet'])).toEqual([subnet]);
    const other = connect(uniqueCluster(), 'n1').ensureNetwork({ ...network, name: 'symphony-other' });
    await expect(other).rejects.toThrow(`overlaps network "${network.name}" (${subnet}); choose another`);
    await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()));
  });

  const aSpec = (
    name: string,
    command: readonly string[],
    over: Partial<ContainerSpec> = {},
  ): ContainerSpec =>
    aContainerSpec({
      name: `k8s_${name}_pod_default_${cluster}_0`,
      image: TEST_IMAGE,
      labels: {
        [labelKeys.cluster]: cluster,
        [labelKeys.node]: 'n1',
        [labelKeys.podUid]: name,
        [labelKeys.containerName]: name,
      },
      command,
      noNewPrivileges: true,
      ...over,
    });
  const run = async (spec: ContainerSpec, sandbox = vacantSandbox()): Promise<string> => {
    const id = await runtime.create(spec, sandbox);
    await runtime.start(id);
    return id;
  };

  it('refuses every change to a container that is not its own (invariant 3)', async () => {
    const stranger = await docker.createContainer({
      Image: TEST_IMAGE,
      Cmd: ['sleep', '1000'],
      name: `stranger-${cluster}`,
      Labels: { [labelKeys.cluster]: cluster, [labelKeys.node]: 'n2' },
      HostConfig: { NetworkMode: 'none' },
    });
    await stranger.start();
    for (const touch of [
      () => runtime.stop(stranger.id, 0),
      () => runtime.kill(stranger.id, 'SIGKILL'),
      () => runtime.remove(stranger.id),
      () => runtime.start(stranger.id),
      () => runtime.exec(stranger.id, ['true'], { timeoutMs: 1000, outputLimitBytes: 10 }),
    ]) {
      await expect(touch()).rejects.toMatchObject({ code: 'conflict' });
    }
    expect(await runtime.inspect(stranger.id)).toBeUndefined();
    expect((await runtime.list()).map(({ id }) => id)).not.toContain(stranger.id);
    expect((await stranger.inspect()).State.Running).toBe(true);
  });

  it('ends a command that takes too long, and its process', async () => {
    const id = await run(aSpec('slow', SERVER));
    const command = ['sh', '-c', 'sleep 4321'];
    await expect(runtime.exec(id, command, { timeoutMs: 300, outputLimitBytes: 100 })).rejects.toMatchObject({
      code: 'timeout',
      detail: 'command timed out: "sh -c sleep 4321" timed out after 300ms',
    });
    const left = await runtime.exec(id, ['ps'], { timeoutMs: 10_000, outputLimitBytes: 10_000 });
    expect(left.output).not.toContain('4321');
  });

  it.each([
    [['no-such-program', 'x'], 'exec failed: unable to start container process: exec: "no-such-program":'],
    [['/etc'], 'exec failed: unable to start container process: exec: "/etc": permission denied'],
  ])('tells a command that does not start from one that fails: %j', async (command, reason) => {
    const id = await run(aSpec('missing', SERVER));
    const limits = { timeoutMs: 10_000, outputLimitBytes: 10_000 };
    await expect(runtime.exec(id, command, limits)).rejects.toMatchObject({
      code: 'invalid',
      detail: expect.stringContaining(reason) as string,
    });
    for (const tty of [false, true]) {
      const session = await runtime.execStream(id, command, { stdin: true, tty });
      const output: Buffer[] = [];
      for await (const chunk of session.stdout) output.push(chunk as Buffer);
      expect(Buffer.concat(output).toString()).toBe('');
      await expect(session.done).rejects.toThrow(reason);
    }
    const own = ['sh', '-c', "echo 'OCI runtime exec failed: not really'; exit 126"];
    expect(await runtime.exec(id, own, limits)).toMatchObject({ exitCode: 126 });
    const session = await runtime.execStream(id, own, { stdin: false, tty: false });
    const said: Buffer[] = [];
    for await (const chunk of session.stdout) said.push(chunk as Buffer);
    expect([Buffer.concat(said).toString(), await session.done]).toEqual([
      'OCI runtime exec failed: not really\n',
      126,
    ]);
  });

  it('keeps no more of an output than it was told, and the exit code', async () => {
    const id = await run(aSpec('chatty', SERVER));
    const command = ['sh', '-c', 'yes | head -c 1000000; exit 5'];
    const result = await runtime.exec(id, command, { timeoutMs: 10_000, outputLimitBytes: 64 });
    expect(result).toEqual({ exitCode: 5, output: 'y\n'.repeat(32) });
  });

  it('separates stdout and stderr of an interactive command and passes stdin on', async () => {
    const id = await run(aSpec('interactive', SERVER));
    const session = await runtime.execStream(id, ['sh', '-c', 'cat; echo problem >&2; exit 9'], {
      stdin: true,
      tty: false,
    });
    const text = async (stream: NodeJS.ReadableStream | undefined): Promise<string> => {
      let all = '';
      if (stream) for await (const chunk of stream) all += chunk.toString();
      return all;
    };
    session.stdin?.end('hello');
    const [out, err, code] = await Promise.all([text(session.stdout), text(session.stderr), session.done]);
    expect({ out, err, code }).toEqual({ out: 'hello', err: 'problem\n', code: 9 });
  });

  it('reaches a server that listens on localhost alone, and says why where nobody listens', async () => {
    const serve = 'echo hello > /tmp/index.html; exec busybox httpd -f -p 127.0.0.1:8080 -h /tmp';
    const id = await run(aSpec('local', ['sh', '-c', serve]));
    const fetch = async (): Promise<string> => {
      const socket = await runtime.dial(id, 8080);
      socket.end('GET /index.html HTTP/1.0\r\n\r\n');
      const chunks: Buffer[] = [];
      for await (const chunk of socket) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks).toString();
    };
    await expect.poll(() => fetch().catch(String)).toContain('hello');
    await expect(runtime.dial(id, 8081)).rejects.toThrow(
      /on its localhost: dial tcp 127\.0\.0\.1:8081: connect: connection refused/,
    );
    // From inside, the pod's localhost is a place like any other.
    const inside = await runtime.dialFrom(id, '127.0.0.1', 8080);
    inside.on('error', () => undefined).destroy();
    await expect(runtime.dialFrom(id, '127.0.0.1', 8081)).rejects.toThrow(
      'dial tcp 127.0.0.1:8081: connect: connection refused',
    );
    // At an address that is named, there is no other way.
    const { ip = '' } = (await runtime.inspect(id)) ?? {};
    await expect(runtime.dial(id, 8080, ip)).rejects.toThrow('connect: connection refused');
  });

  it('tells whether the engine finds a path, and makes no container for that', async () => {
    const before = (await docker.listContainers({ all: true })).length;
    expect(await runtime.sees('/etc/passwd')).toBe(true);
    expect(await runtime.sees('/no/such/path')).toBe(false);
    expect(await docker.listContainers({ all: true })).toHaveLength(before);
  });

  it('takes no container for its own that has the name and the labels, but was not made for it', async () => {
    const spec = aSpec('marked', SERVER);
    const marked = (mark: string): ContainerSpec => ({
      ...spec,
      labels: { ...spec.labels, [labelKeys.mark]: mark },
    });
    const id = await runtime.create(marked('a'), vacantSandbox());
    expect(await runtime.create(marked('a'), vacantSandbox())).toBe(id);
    await expect(runtime.create(marked('b'), vacantSandbox())).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(
        `the name is taken by container ${id}, which was not made for it`,
      ) as string,
    });
  });

  it('runs a container with the handler that is asked for', async () => {
    const id = await run(aSpec('handled', SERVER), vacantSandbox({ runtimeHandler: 'runc' }));
    const { HostConfig } = await docker.getContainer(id).inspect();
    expect((HostConfig as { readonly Runtime?: string }).Runtime).toBe('runc');
    await expect(
      runtime.create(aSpec('boxed', ['true']), vacantSandbox({ runtimeHandler: 'none-such' })),
    ).rejects.toMatchObject({
      code: 'invalid',
    });
  });

  it('tells when the kernel killed a container for its memory', async () => {
    const eater = ['sh', '-c', 'x=aaaaaaaaaaaaaaaa; while :; do x="$x$x"; done'];
    const id = await run(aSpec('eater', eater, { memoryBytes: 16 * 1024 * 1024 }));
    const log = await runtime.logs(id, { follow: true, timestamps: false }, new AbortController().signal);
    const written: Buffer[] = [];
    for await (const part of log) written.push(part);
    expect(await runtime.inspect(id)).toMatchObject({ phase: 'exited', exitCode: 137, oomKilled: true });
  });

  it.each([false, true])('reads long lines whole, with one time stamp each (terminal: %s)', async (tty) => {
    const print = 'x=$(printf "%040000d" 0); echo first; echo $x; echo second; echo $x; echo last';
    const id = await run(aSpec(`long-lines-${tty}`, ['sh', '-c', print], { tty }));
    const read = async (options: Partial<LogOptions>): Promise<readonly string[]> => {
      const log = await runtime.logs(
        id,
        { follow: true, timestamps: true, ...options },
        new AbortController().signal,
      );
      let text = '';
      for await (const part of log) text += part.toString();
      return text.split(/\r?\n/).slice(0, -1);
    };
    const zeros = '0'.repeat(40_000);
    const lines = ['first', zeros, 'second', zeros, 'last'];
    const all = await read({});
    expect(all.map((line) => line.replace(/^\S+Z /, ''))).toEqual(lines);
    for (const tailLines of [0, 1, 2, 3, 4, 5, 6]) {
      expect(await read({ tailLines })).toEqual(tailLines === 0 ? [] : all.slice(-tailLines));
      const bare = await read({ tailLines, timestamps: false, follow: false });
      expect(bare).toEqual(tailLines === 0 ? [] : lines.slice(-tailLines));
    }
  });

  it('counts whole lines where an error is told of in the middle of a long one', async () => {
    const print = 'echo first; printf "%040000d" 0; sleep 0.2; echo error >&2; sleep 0.2; echo';
    const id = await run(aSpec('two-outputs', ['sh', '-c', print]));
    const read = async (tailLines?: number): Promise<string> => {
      const options = { follow: true, timestamps: false, ...(tailLines === undefined ? {} : { tailLines }) };
      let text = '';
      for await (const part of await runtime.logs(id, options, new AbortController().signal))
        text += part.toString();
      return text;
    };
    // The error stands where it was told.
    const all = await read();
    expect(all).toMatch(/^first\n0+error\n0+\n$/);
    expect(await read(1)).toBe('error\n');
    expect(await read(2)).toBe(all.slice('first\n'.length));
    expect(await read(3)).toBe(all);
  });

  it('starts a container that asks for a negative OOM score, whether or not the engine may set it', async () => {
    const id = await run(aSpec('guaranteed', SERVER, { oomScoreAdj: -997 }));
    expect((await runtime.inspect(id))?.phase).toBe('running');
  });

  it('calls a command that does not exist invalid, and the attempt exited', async () => {
    const id = await runtime.create(aSpec('nothing', ['/no/such/program']), vacantSandbox());
    await expect(runtime.start(id)).rejects.toMatchObject({ code: 'invalid' });
    expect(await runtime.inspect(id)).toMatchObject({ phase: 'exited', exitCode: 127 });
  });

  it('cannot pull from a registry that does not answer, and says so', async () => {
    const pull = runtime.pullImage('127.0.0.1:1/x:1', undefined, new AbortController().signal);
    await expect(pull).rejects.toMatchObject({ code: 'image-pull' });
  });

  it('makes a pause image that runs, holds namespaces and reaps orphans', async () => {
    const { labels } = aSpec('pause', []);
    const spec = aSandboxSpec({ name: `k8s_POD_pause_default_${cluster}_0`, labels, pid: 'pod' });
    const sandbox = await runtime.ensureSandbox(spec);
    const member = await run(aSpec('joined', SERVER), { id: sandbox, spec });
    const look = ['sh', '-c', 'sh -c "sleep 0.1 & exit"; sleep 0.4; ps -o pid,stat,args'];
    const { output } = await runtime.exec(member, look, { timeoutMs: 10_000, outputLimitBytes: 10_000 });
    expect(output).toMatch(/^\s*1 S\s+\/pause/m);
    expect(output).not.toMatch(/ Z /);
    await runtime.stopSandbox(sandbox);
    expect((await runtime.inspect(sandbox))?.phase).toBe('exited');
  });
});
