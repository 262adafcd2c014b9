/**
 * What every ContainerRuntime does, whatever is behind it. Run by the fake (unit) and the Docker adapter (integration);
 * the programs that the containers run are the harness's, because a fake understands no shell.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type ContainerRuntime,
  type ContainerSpec,
  labelKeys,
  RuntimeError,
  type RuntimeEvent,
} from '../../src/node-agent/runtime/types.ts';

export interface RuntimeHarness {
  readonly image: string;
  readonly missingImage: string;
  /** A network that the harness has ensured, and free addresses on it. */
  readonly network: string;
  ip(host: number): string;
  readonly cluster: string;
  /** The runtime of a node of the cluster; the same engine for all. */
  connect(node: string): ContainerRuntime;
  readonly programs: {
    /** Runs for ever; ends with 7 on SIGTERM. */
    readonly server: readonly string[];
    /** Runs for ever and ignores SIGTERM. */
    readonly stubborn: readonly string[];
    /** Writes `one` and `two`, then ends with 3. */
    readonly speaker: readonly string[];
  };
  /** A command that succeeds in a running server. */
  readonly probe: readonly string[];
  dispose(): Promise<void>;
}

export function describeContainerRuntime(name: string, setUp: () => Promise<RuntimeHarness>): void {
  describe(`container runtime: ${name}`, () => {
    let harness: RuntimeHarness;
    let runtime: ContainerRuntime;
    let host = 10;

    beforeAll(async () => {
      harness = await setUp();
      runtime = harness.connect('n1');
    });
    afterAll(async () => {
      await runtime[Symbol.asyncDispose]();
      await harness.dispose();
    });

    const aSpec = (
      container: string,
      program: readonly string[],
      over: Partial<ContainerSpec> = {},
    ): ContainerSpec => {
      host += 1;
      return {
        name: `k8s_${container}_pod_default_${harness.cluster}_0`,
        image: harness.image,
        labels: {
          [labelKeys.cluster]: harness.cluster,
          [labelKeys.node]: 'n1',
          [labelKeys.podUid]: `uid-${container}`,
          [labelKeys.containerName]: container,
          [labelKeys.attempt]: '0',
          [labelKeys.specHash]: 'hash',
        },
        command: program,
        env: [],
        supplementalGroups: [],
        mounts: [],
        tmpfs: [],
        privileged: false,
        readOnlyRootFilesystem: false,
        noNewPrivileges: false,
        capabilities: { add: [], drop: [] },
        sysctls: {},
        network: { type: 'pod', network: harness.network, ip: harness.ip(host) },
        ipc: { type: 'private' },
        pid: { type: 'private' },
        ports: [],
        stdin: false,
        stdinOnce: false,
        tty: false,
        ...over,
      };
    };

    const codeOf = async (promise: Promise<unknown>): Promise<string | undefined> => {
      try {
        await promise;
        return undefined;
      } catch (error) {
        expect(error).toBeInstanceOf(RuntimeError);
        return (error as RuntimeError).code;
      }
    };

    const readLog = async (id: string, follow: boolean, tailLines?: number): Promise<string> => {
      const options = { follow, timestamps: false, ...(tailLines === undefined ? {} : { tailLines }) };
      let text = '';
      for await (const part of await runtime.logs(id, options, new AbortController().signal))
        text += part.toString();
      return text;
    };

    it('tells about itself', async () => {
      const info = await runtime.info();
      expect(info.cpus).toBeGreaterThan(0);
      expect(info.memoryBytes).toBeGreaterThan(0);
      expect(info.runtimeHandlers).toContain('runc');
      expect(info.bootId).not.toBe('');
    });

    it('creates, starts, stops and removes a container', async () => {
      const spec = aSpec('life', harness.programs.server);
      const id = await runtime.create(spec);
      expect(await runtime.inspect(id)).toMatchObject({
        id,
        name: spec.name,
        phase: 'created',
        labels: spec.labels,
      });
      await runtime.start(id);
      await runtime.start(id);
      const running = await runtime.inspect(id);
      expect(running).toMatchObject({ phase: 'running', ip: (spec.network as { ip: string }).ip });
      expect(running?.startedAtMs).toBeGreaterThan(0);
      await runtime.stop(id, 20);
      await runtime.stop(id, 20);
      expect(await runtime.inspect(id)).toMatchObject({ phase: 'exited', exitCode: 7, oomKilled: false });
      await runtime.remove(id);
      await runtime.remove(id);
      expect(await runtime.inspect(id)).toBeUndefined();
    });

    it('kills a container that does not heed the stop signal once the grace is over', async () => {
      const id = await runtime.create(aSpec('stubborn', harness.programs.stubborn));
      await runtime.start(id);
      await runtime.stop(id, 1);
      expect(await runtime.inspect(id)).toMatchObject({ phase: 'exited', exitCode: 137 });
    });

    it('returns the same container when the same one is created again', async () => {
      const spec = aSpec('twice', harness.programs.server);
      const id = await runtime.create(spec);
      expect(await runtime.create(spec)).toBe(id);
    });

    it('refuses a taken name for a container with another specification', async () => {
      const spec = aSpec('taken', harness.programs.server);
      await runtime.create(spec);
      const other = { ...spec, labels: { ...spec.labels, [labelKeys.specHash]: 'other' } };
      expect(await codeOf(runtime.create(other))).toBe('conflict');
    });

    it('refuses to create a container that carries the labels of another node', async () => {
      const spec = aSpec('foreign', harness.programs.server);
      const foreign = { ...spec, labels: { ...spec.labels, [labelKeys.node]: 'n2' } };
      expect(await codeOf(runtime.create(foreign))).toBe('invalid');
    });

    it('says which image is missing', async () => {
      const spec = aSpec('imageless', harness.programs.server, { image: harness.missingImage });
      expect(await codeOf(runtime.create(spec))).toBe('image-missing');
      expect(await runtime.findImage(harness.missingImage)).toBeUndefined();
    });

    it('knows nothing of a container that does not exist', async () => {
      expect(await runtime.inspect('0123456789ab')).toBeUndefined();
      expect(await codeOf(runtime.start('0123456789ab'))).toBe('not-found');
    });

    it('lists its containers in every phase', async () => {
      const made = await runtime.create(aSpec('listed', harness.programs.server));
      const record = (await runtime.list()).find(({ id }) => id === made);
      expect(record).toMatchObject({ phase: 'created', labels: { [labelKeys.podUid]: 'uid-listed' } });
    });

    it('keeps what a container wrote and its exit code', async () => {
      const id = await runtime.create(aSpec('speaker', harness.programs.speaker));
      await runtime.start(id);
      expect(await readLog(id, true)).toBe('one\ntwo\n');
      expect(await readLog(id, false, 1)).toBe('two\n');
      expect(await runtime.inspect(id)).toMatchObject({ phase: 'exited', exitCode: 3 });
    });

    it('runs a command in a container', async () => {
      const id = await runtime.create(aSpec('exec', harness.programs.server));
      await runtime.start(id);
      const result = await runtime.exec(id, harness.probe, { timeoutMs: 10_000, outputLimitBytes: 100 });
      expect(result.exitCode).toBe(0);
    });

    it('reports resync first, then start, die and destroy of its own containers', async () => {
      const stop = new AbortController();
      const seen: RuntimeEvent[] = [];
      const spec = aSpec('events', harness.programs.speaker);
      const events = runtime.events(stop.signal)[Symbol.asyncIterator]();
      expect((await events.next()).value).toEqual({ type: 'resync' });
      const id = await runtime.create(spec);
      await runtime.start(id);
      await readLog(id, true);
      const removal = runtime.remove(id);
      for (;;) {
        const { value, done } = await events.next();
        if (done === true) break;
        if (value.type === 'container' && value.id === id) seen.push(value);
        if (value.type === 'container' && value.id === id && value.action === 'destroy') break;
      }
      await removal;
      stop.abort();
      expect(seen.map((event) => event.type === 'container' && event.action)).toEqual([
        'start',
        'die',
        'destroy',
      ]);
      expect(seen[0]).toMatchObject({ labels: { [labelKeys.podUid]: 'uid-events' } });
    });

    it('lets a member join the network of a running sandbox only', async () => {
      const sandbox = await runtime.create(
        aSpec('sandbox', harness.programs.server, { ipc: { type: 'shareable' } }),
      );
      const member = aSpec('member', harness.programs.server, {
        network: { type: 'container', containerId: sandbox },
      });
      const id = await runtime.create(member);
      expect(await codeOf(runtime.start(id))).not.toBe(undefined);
      await runtime.start(sandbox);
      await runtime.start(id);
      expect(await runtime.inspect(id)).toMatchObject({ phase: 'running' });
    });

    it('gives an address again once its former owner has ended', async () => {
      const first = aSpec('owner', harness.programs.server);
      const firstId = await runtime.create(first);
      await runtime.start(firstId);
      const next = aSpec('heir', harness.programs.server, { network: first.network });
      const nextId = await runtime.create(next);
      expect(await codeOf(runtime.start(nextId))).toBe('network');
      await runtime.stop(firstId, 20);
      await runtime.start(nextId);
      expect((await runtime.inspect(nextId))?.ip).toBe((first.network as { ip: string }).ip);
    });

    it('ensures a network once, and refuses another subnet under its name', async () => {
      const name = `${harness.network}-again`;
      const network = { name, subnet: harness.ip(0).replace(/\.0$/, '.0/24'), gateway: harness.ip(1) };
      expect(await codeOf(runtime.ensureNetwork(network))).toBe('invalid');
      expect(await codeOf(runtime.ensureNetwork({ ...network, name: harness.network }))).toBeUndefined();
      const moved = { name: harness.network, subnet: '10.191.0.0/24', gateway: '10.191.0.1' };
      expect(await codeOf(runtime.ensureNetwork(moved))).toBe('invalid');
    });

    it('measures running containers', async () => {
      const id = await runtime.create(aSpec('stats', harness.programs.server));
      await runtime.start(id);
      const reading = (await runtime.stats()).find((stats) => stats.id === id);
      expect(reading?.memoryWorkingSetBytes).toBeGreaterThan(0);
    });

    it('makes an image from a tar and finds it by its name', async () => {
      const reference = `symphony.test/${harness.cluster}:1`;
      const made = await runtime.importImage(reference, Buffer.alloc(1024), { entrypoint: ['/none'] });
      expect((await runtime.findImage(reference))?.id).toBe(made.id);
      expect((await runtime.listImages()).some(({ tags }) => tags.includes(reference))).toBe(true);
      await runtime.removeImage(reference);
      expect(await runtime.findImage(reference)).toBeUndefined();
    });
  });
}
