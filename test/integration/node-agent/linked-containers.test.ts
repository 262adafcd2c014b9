/** Containers that the agent connects itself, on the real Engine. */
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createContainerLinks } from '../../../src/network/pod-network/connect-container.ts';
import { runProgram } from '../../../src/network/run-program.ts';
import { type ContainerSpec, labelKeys } from '../../../src/node-agent/runtime/types.ts';
import { comesTrue } from '../../support/comes-true.ts';
import {
  connectDocker,
  ensureTestImages,
  freeSubnet,
  removeCluster,
  TEST_IMAGE,
  uniqueCluster,
} from '../../support/docker.ts';
import { createLinkedRuntime } from '../../support/linked-runtime.ts';
import { aContainerSpec, vacantSandbox } from '../../support/sandbox.ts';

const cluster = uniqueCluster();
const docker = connectDocker();
const runtime = createLinkedRuntime(cluster, 'n1');
const network = { name: `symphony-${cluster}`, subnet: '', gateway: '' };
let ip: (host: number) => string;

beforeAll(async () => {
  await ensureTestImages();
  const free = await freeSubnet();
  Object.assign(network, { subnet: free.subnet, gateway: free.gateway });
  ip = free.ip;
  await runtime.ensureNetwork(network);
});
afterAll(async () => {
  await removeCluster(cluster);
  await rm(join(tmpdir(), `symphony-${cluster}`), { recursive: true });
});

const aSpec = (name: string, command?: readonly string[], over: Partial<ContainerSpec> = {}): ContainerSpec =>
  aContainerSpec({
    name: `k8s_${name}_pod_default_${cluster}_0`,
    image: TEST_IMAGE,
    labels: { [labelKeys.cluster]: cluster, [labelKeys.node]: 'n1', [labelKeys.containerName]: name },
    ...(command ? { command } : {}),
    ...over,
  });
const sandboxAt = (host: number) =>
  vacantSandbox({ network: { type: 'pod', network: network.name, ip: ip(host) } });

async function run(spec: ContainerSpec, host: number, by = runtime): Promise<string> {
  const id = await by.create(spec, sandboxAt(host));
  await by.start(id);
  return id;
}
async function outputOf(id: string): Promise<string> {
  const log = await docker.getContainer(id).logs({ stdout: true, stderr: true, follow: false });
  // Eight bytes of head before each line.
  return log.toString('latin1').replaceAll(/[\0-\x02]\0{3}.{4}/gs, '');
}
const endOf = (id: string) =>
  comesTrue(async () => {
    const record = await runtime.inspect(id);
    expect(record?.phase).toBe('exited');
    return record;
  });

const NETWORK = 'cat /sys/class/net/eth0/operstate; grep -c eth0 /proc/net/route; hostname';

describe('a container that the agent connects', () => {
  it('has its network before its program begins', async () => {
    const id = await run(aSpec('first-look', ['sh', '-c', NETWORK]), 10);
    await endOf(id);
    expect((await outputOf(id)).split('\n').slice(0, 2)).toEqual(['up', '2']);
  });

  it('runs the program of its image where it names none', async () => {
    const { id: image } = (await runtime.findImage(TEST_IMAGE))!;
    const made = await docker.createContainer({ Image: image, Entrypoint: ['echo', 'from the image'] });
    const built = (await made.commit({ repo: `symphony.test/${cluster}`, tag: '1' })) as { Id: string };
    await made.remove();
    const id = await run(aSpec('own-program', undefined, { image: built.Id }), 11);
    await endOf(id);
    const output = await outputOf(id);
    await runtime.remove(id);
    await docker.getImage(built.Id).remove({ force: true });
    expect(output).toContain('from the image');
  });

  it.each([
    ['absent from PATH', ['no-such-program'], /exec: "no-such-program": executable file not found in \$PATH/],
    ['absent at its path', ['/no/such'], /exec: "\/no\/such": stat \/no\/such: no such file or directory/],
    ['not executable', ['/etc/passwd'], /exec: "\/etc\/passwd": permission denied/],
  ])('says what the Engine would say of a program that is %s', async (name, command, message) => {
    const id = await runtime.create(aSpec(name.replaceAll(' ', '-'), command), sandboxAt(12));
    await expect(runtime.start(id)).rejects.toThrow(message);
    const record = await endOf(id);
    expect(record).toMatchObject({ error: expect.stringMatching(message) as string });
    expect(record?.startedAtMs).toBeUndefined();
  });

  it('ends with the status of a script whose interpreter is missing', async () => {
    const script = aSpec('script', ['sh', '-c', 'echo "#!/no/such" > /tmp/x; chmod +x /tmp/x; exec /tmp/x']);
    expect(await endOf(await run(script, 13))).toMatchObject({ exitCode: 127 });
  });

  it('is finished by the next agent when its agent ended before it was connected', async () => {
    const real = createContainerLinks(runProgram);
    let isAsked = false;
    const dying = createLinkedRuntime(cluster, 'n1', {
      ...real,
      connect: () => {
        isAsked = true;
        return new Promise<never>(() => undefined);
      },
    });
    await dying.ensureNetwork(network);
    const id = await dying.create(aSpec('orphan', ['sh', '-c', NETWORK]), sandboxAt(14));
    void dying.start(id);
    await comesTrue(() => expect(isAsked).toBe(true));
    expect((await docker.getContainer(id).inspect()).State.Running).toBe(true);
    const next = createLinkedRuntime(cluster, 'n1');
    await next.ensureNetwork(network);
    await next.list();
    await endOf(id);
    expect(await outputOf(id)).toContain('up');
  });

  it('is connected again after somebody restarted it', async () => {
    const id = await run(
      aSpec('restarted', ['sh', '-c', `${NETWORK}; trap "exit 0" TERM; sleep 1000 & wait`]),
      15,
    );
    await docker.getContainer(id).restart({ t: 5 });
    await runtime.inspect(id);
    await comesTrue(async () => expect((await outputOf(id)).match(/up/g)).toHaveLength(2));
  });

  it('keeps its network while a second start of it is asked for', async () => {
    const id = await run(aSpec('twice', ['sleep', '1000']), 16);
    const { Pid } = (await docker.getContainer(id).inspect()).State;
    const linkOf = (): Promise<string> =>
      runProgram('nsenter', [`--net=/proc/${Pid}/ns/net`, 'ip', '-oneline', 'link', 'show', 'dev', 'eth0']);
    const before = await linkOf();
    await runtime.start(id);
    expect(await linkOf()).toBe(before);
  });

  it('is left to the Engine when it has ports of the host', async () => {
    const sandbox = vacantSandbox({
      network: { type: 'pod', network: network.name, ip: ip(17) },
      ports: [{ containerPort: 80, hostPort: 18_473, protocol: 'TCP' }],
    });
    const id = await runtime.create(aSpec('port', ['sleep', '1000']), sandbox);
    await runtime.start(id);
    const { NetworkSettings } = await docker.getContainer(id).inspect();
    expect(NetworkSettings.Networks[network.name]?.IPAddress).toBe(ip(17));
  });

  it('keeps its network when somebody prunes the networks of the Engine', async () => {
    const id = await run(aSpec('pruned', ['sleep', '1000']), 18);
    await runtime.remove((await runtime.list()).find(({ name }) => name.includes('k8s_port_'))!.id);
    await docker.pruneNetworks({ filters: { label: [`${labelKeys.cluster}=${cluster}`] } });
    const ping = ['sh', '-c', `arping -c 1 -I eth0 ${network.gateway} || ping -c 1 ${network.gateway}`];
    expect(await runtime.exec(id, ping, { timeoutMs: 10_000, outputLimitBytes: 1_000 })).toMatchObject({
      exitCode: 0,
    });
    await runtime.ensureNetwork(network);
  });
});
