/** Two clusters on one Docker Engine, as two people or two folders start them. */
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clusterIdOf } from '../../src/server/identity/cluster-identity.ts';
import { connectDocker } from '../support/docker.ts';
import { eventually, runProgram, startProgram } from '../support/kubectl.ts';
import { freePort, startSymphony, type Symphony } from '../support/symphony.ts';

const symphony = (...args: readonly string[]) => runProgram(process.execPath, [BIN, ...args]);
const BIN = join(fileURLToPath(new URL('../..', import.meta.url)), 'bin', 'symphony');

describe('two clusters on one Docker Engine', () => {
  let first: Symphony;
  let directory: string;
  beforeAll(async () => {
    first = await startSymphony();
    directory = await mkdtemp(join(tmpdir(), 'symphony-second-'));
  });
  afterAll(async () => {
    await first[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  const rangesIn = async (dataDir: string): Promise<Readonly<Record<string, string>>> =>
    JSON.parse(await readFile(join(dataDir, 'address-ranges.json'), 'utf8')) as Record<string, string>;
  /** The state of all clusters in the kernel of this machine. */
  const kernel = async (): Promise<string> =>
    (await runProgram('nft', ['list', 'tables'])).stdout + (await runProgram('iptables-save', [])).stdout;
  const networks = async (): Promise<readonly string[]> =>
    (await connectDocker().listNetworks()).map(({ Name }) => Name);

  it('refuses the second the addresses of the first before anything is made, and says what mends it', async () => {
    const { clusterCidr = '' } = await rangesIn(first.dataDir);
    const dataDir = join(directory, 'refused');
    const flags = ['--data-dir', dataDir, '--cluster-cidr', clusterCidr];
    const { code, stderr } = await symphony('up', ...flags);
    expect(code).toBe(1);
    expect(stderr).toContain(`network "symphony-${await first.cluster()}" (${clusterCidr})`);
    expect(stderr).toContain('Choose free addresses: --cluster-cidr');
    await expect(stat(dataDir)).rejects.toThrow('ENOENT');
  });

  it('gives a second one without flags addresses of its own, and down removes what it made', async () => {
    const dataDir = join(directory, 'second');
    const listen = `127.0.0.1:${await freePort()}`;
    const ranges: unknown[] = [];
    for (const start of ['first', 'second']) {
      await using up = startProgram(process.execPath, [BIN, 'up', '--data-dir', dataDir, '--listen', listen]);
      await eventually(`the ${start} start is ready`, async () => up.stdout().includes('Symphony is ready'));
      ranges.push(await rangesIn(dataDir));
      const named = expect.stringContaining(`(process ${up.child.pid})`);
      for (const command of ['up', 'down'])
        expect(await symphony(command, '--data-dir', dataDir)).toMatchObject({ code: 1, stderr: named });
      up.child.kill('SIGTERM');
      expect((await up.ended).code).toBe(0);
    }
    expect(ranges[1]).toEqual(ranges[0]);
    expect(ranges[0]).not.toEqual(await rangesIn(first.dataDir));
    const network = `symphony-${clusterIdOf(await readFile(join(dataDir, 'tls', 'ca.crt'), 'utf8'))}`;
    expect(await networks()).toContain(network);
    expect(await kernel()).toContain(`${network}-pods`);
    const removed = await symphony('down', '--data-dir', dataDir);
    expect(removed).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`network ${network}: removed`),
    });
    expect(await networks()).not.toContain(network);
    expect(await kernel()).not.toContain(network);
    expect(await kernel()).not.toContain(`SYMPHONY-${network.split('-')[1]}`);
    expect(await kernel()).toContain(`symphony-${await first.cluster()}-pods`);
    const again = await symphony('down', '--data-dir', dataDir);
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('Nothing to remove') });
  });
});
