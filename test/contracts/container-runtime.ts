/**
 * The contract of every ContainerRuntime. Run by the fake (unit) and the Docker adapter
 * (integration); the programs that the containers run are the harness's, because a fake understands
 * no shell.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type ContainerRuntime,
  type ContainerSpec,
  labelKeys,
  type PodNetwork,
  RuntimeError,
  type RuntimeEvent,
  type Sandbox,
  type SandboxRecord,
  type SandboxSpec,
} from '../../src/node-agent/runtime/types.ts';
import { aContainerSpec, aSandboxSpec, vacantSandbox } from '../support/sandbox.ts';

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
    ): ContainerSpec =>
      aContainerSpec({
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
        ...over,
      });

    const anAddress = (): PodNetwork => {
      host += 1;
      return { type: 'pod', network: harness.network, ip: harness.ip(host) };
    };
    const ipOf = (network: PodNetwork): string => (network.type === 'pod' ? network.ip : '');
    /** The sandbox of a pod with one container. */
    const alone = (network = anAddress()): Sandbox => vacantSandbox({ network });
    /** The specification of a sandbox for several containers. */
    const aBox = (pod: string, network = anAddress(), attempt = '0'): SandboxSpec =>
      aSandboxSpec({
        name: `k8s_POD_${pod}_default_${harness.cluster}_${attempt}`,
        containers: 2,
        network,
        labels: {
          ...aSpec('POD', []).labels,
          [labelKeys.podUid]: `uid-${pod}`,
          [labelKeys.attempt]: attempt,
          [labelKeys.role]: 'pod',
        },
      });
    /** The pod's sandboxes as the engine lists them. */
    const boxesOf = async (spec: SandboxSpec): Promise<readonly SandboxRecord[]> => {
      const uid = spec.labels[labelKeys.podUid];
      const records = (await runtime.list()).filter(({ labels }) => labels[labelKeys.podUid] === uid);
      return runtime.sandboxesOf(records, spec);
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
      const sandbox = alone();
      const id = await runtime.create(spec, sandbox);
      expect(await runtime.inspect(id)).toMatchObject({
        id,
        name: spec.name,
        phase: 'created',
        labels: spec.labels,
      });
      await runtime.start(id);
      await runtime.start(id);
      const running = await runtime.inspect(id);
      expect(running).toMatchObject({ phase: 'running', ip: ipOf(sandbox.spec.network) });
      expect(running?.startedAtMs).toBeGreaterThan(0);
      await runtime.stop(id, 20);
      await runtime.stop(id, 20);
      expect(await runtime.inspect(id)).toMatchObject({ phase: 'exited', exitCode: 7, oomKilled: false });
      await runtime.remove(id);
      await runtime.remove(id);
      expect(await runtime.inspect(id)).toBeUndefined();
    });

    it('kills a container that does not heed the stop signal once the grace is over', async () => {
      const id = await runtime.create(aSpec('stubborn', harness.programs.stubborn), alone());
      await runtime.start(id);
      await runtime.stop(id, 1);
      expect(await runtime.inspect(id)).toMatchObject({ phase: 'exited', exitCode: 137 });
    });

    it('returns the same container when the same one is created again', async () => {
      const spec = aSpec('twice', harness.programs.server);
      const id = await runtime.create(spec, alone());
      expect(await runtime.create(spec, alone())).toBe(id);
    });

    it('refuses a taken name for a container with another specification', async () => {
      const spec = aSpec('taken', harness.programs.server);
      await runtime.create(spec, alone());
      const other = { ...spec, labels: { ...spec.labels, [labelKeys.specHash]: 'other' } };
      expect(await codeOf(runtime.create(other, alone()))).toBe('conflict');
    });

    it('refuses to create a container that carries the labels of another node', async () => {
      const spec = aSpec('foreign', harness.programs.server);
      const foreign = { ...spec, labels: { ...spec.labels, [labelKeys.node]: 'n2' } };
      expect(await codeOf(runtime.create(foreign, alone()))).toBe('invalid');
    });

    it('says which image is missing', async () => {
      const spec = aSpec('imageless', harness.programs.server, { image: harness.missingImage });
      expect(await codeOf(runtime.create(spec, alone()))).toBe('image-missing');
      expect(await runtime.findImage(harness.missingImage)).toBeUndefined();
    });

    it('knows nothing of a container that does not exist', async () => {
      expect(await runtime.inspect('0123456789ab')).toBeUndefined();
      expect(await codeOf(runtime.start('0123456789ab'))).toBe('not-found');
    });

    it('lists its containers in every phase', async () => {
      const made = await runtime.create(aSpec('listed', harness.programs.server), alone());
      const record = (await runtime.list()).find(({ id }) => id === made);
      expect(record).toMatchObject({ phase: 'created', labels: { [labelKeys.podUid]: 'uid-listed' } });
    });

    it('keeps what a container wrote and its exit code', async () => {
      const id = await runtime.create(aSpec('speaker', harness.programs.speaker), alone());
      await runtime.start(id);
      expect(await readLog(id, true)).toBe('one\ntwo\n');
      expect(await readLog(id, false, 1)).toBe('two\n');
      expect(await runtime.inspect(id)).toMatchObject({ phase: 'exited', exitCode: 3 });
    });

    it('runs a command in a container', async () => {
      const id = await runtime.create(aSpec('exec', harness.programs.server), alone());
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
      const id = await runtime.create(spec, alone());
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

    it('ensures a sandbox once, and lists it', async () => {
      const spec = aBox('box');
      expect(await boxesOf(spec)).toEqual([]);
      const id = await runtime.ensureSandbox(spec);
      expect(await runtime.ensureSandbox(spec)).toBe(id);
      expect(await boxesOf(spec)).toEqual([{ id, attempt: 0, phase: 'ready' }]);
    });

    it('runs containers in a sandbox until it ends', async () => {
      const spec = aBox('members');
      const id = await runtime.ensureSandbox(spec);
      const members = await Promise.all(
        ['member-a', 'member-b'].map((name) =>
          runtime.create(aSpec(name, harness.programs.server), { id, spec }),
        ),
      );
      for (const member of members) {
        await runtime.start(member);
        expect(await runtime.inspect(member)).toMatchObject({ phase: 'running' });
      }
      await runtime.stopSandbox(id);
      await runtime.stopSandbox(id);
      expect(await boxesOf(spec)).toEqual([{ id, attempt: 0, phase: 'dead' }]);
      const late = await runtime.create(aSpec('member-late', harness.programs.server), { id, spec });
      expect(await codeOf(runtime.start(late))).not.toBe(undefined);
    });

    it('lists the newest sandbox first, and removes each', async () => {
      const first = aBox('removed');
      const old = await runtime.ensureSandbox(first);
      await runtime.stopSandbox(old);
      const next = await runtime.ensureSandbox(aBox('removed', first.network, '1'));
      expect(await boxesOf(first)).toEqual([
        { id: next, attempt: 1, phase: 'ready' },
        { id: old, attempt: 0, phase: 'dead' },
      ]);
      for (const id of [old, next, next]) await runtime.removeSandbox(id);
      expect(await boxesOf(first)).toEqual([]);
    });

    it("holds a pod's address while its containers restart", async () => {
      const spec = aBox('holder');
      const id = await runtime.ensureSandbox(spec);
      const member = await runtime.create(aSpec('held', harness.programs.speaker), { id, spec });
      await runtime.start(member);
      await readLog(member, true);
      await runtime.remove(member);
      expect(await runtime.inspect(id)).toMatchObject({ phase: 'running', ip: ipOf(spec.network) });
      expect(await codeOf(runtime.ensureSandbox(aBox('rival', spec.network)))).toBe('address');
    });

    it('leaves nothing of a sandbox that is refused its address, and makes it when it is free', async () => {
      const spec = aBox('first');
      const id = await runtime.ensureSandbox(spec);
      const rival = aBox('second', spec.network);
      expect(await codeOf(runtime.ensureSandbox(rival))).toBe('address');
      expect(await boxesOf(rival)).toEqual([]);
      await runtime.removeSandbox(id);
      const heir = await runtime.ensureSandbox(rival);
      expect(await runtime.inspect(heir)).toMatchObject({ ip: ipOf(spec.network) });
    });

    it('has a vacant sandbox for a pod with one container, until that runs', async () => {
      const spec = { ...aBox('single'), containers: 1 };
      const vacant = await boxesOf(spec);
      expect(vacant).toEqual([{ id: await runtime.ensureSandbox(spec), attempt: 0, phase: 'vacant' }]);
      const [{ id: sandboxId } = { id: '' }] = vacant;
      const made = await runtime.create(aSpec('single', harness.programs.server), { id: sandboxId, spec });
      await runtime.start(made);
      expect(await boxesOf(spec)).toEqual([{ id: sandboxId, attempt: 0, phase: 'ready' }]);
      expect(await runtime.inspect(made)).toMatchObject({ ip: ipOf(spec.network) });
      await runtime.stopSandbox(sandboxId);
      await runtime.removeSandbox(sandboxId);
      await runtime.stop(made, 20);
      expect(await boxesOf(spec)).toEqual(vacant);
    });

    it('gives an address again once its former owner has ended', async () => {
      const sandbox = alone();
      const firstId = await runtime.create(aSpec('owner', harness.programs.server), sandbox);
      await runtime.start(firstId);
      const nextId = await runtime.create(aSpec('heir', harness.programs.server), sandbox);
      expect(await codeOf(runtime.start(nextId))).toBe('address');
      await runtime.stop(firstId, 20);
      await runtime.start(nextId);
      expect((await runtime.inspect(nextId))?.ip).toBe(ipOf(sandbox.spec.network));
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
      const id = await runtime.create(aSpec('stats', harness.programs.server), alone());
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
