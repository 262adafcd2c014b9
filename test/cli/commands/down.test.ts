import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { startTimeOf } from '../../../src/base/child-processes/process-identity.ts';
import { runCli } from '../../../src/cli/run-cli.ts';
import type { RecordedEngine } from '../../../src/server/removal/engine-record.ts';
import { type FakeEngine, startFakeEngine } from '../../support/fake-engine.ts';

const CLUSTER = 'c1';
const NETWORK = `symphony-${CLUSTER}`;
let home = '';
let root = '';
const engines: FakeEngine[] = [];

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'symphony-down-'));
  root = join(home, 'data');
});
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine[Symbol.asyncDispose]();
  await rm(home, { recursive: true });
});

/** An Engine with one container of every node given, and their network. */
async function engineWith(name: string, engineId: string, ...nodes: readonly string[]): Promise<FakeEngine> {
  const engine = await startFakeEngine(join(home, `${name}.sock`), engineId);
  engines.push(engine);
  for (const node of nodes) engine.addContainer(CLUSTER, node, `pod-of-${node}`);
  if (nodes.length > 0) engine.addNetwork(NETWORK, '10.25.0.0/16', CLUSTER);
  return engine;
}

async function aNode(name: string, record?: readonly Omit<RecordedEngine, 'cluster'>[]): Promise<void> {
  const directory = join(root, 'agents', name);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'cluster'), `${CLUSTER}\n`);
  const all = record?.map((engine) => ({ cluster: CLUSTER, ...engine }));
  if (all) await writeFile(join(directory, 'engines.json'), JSON.stringify(all));
}

async function down(...flags: readonly string[]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const io = { stdin: Readable.from(['']), stdout, stderr };
  const code = await runCli(['down', '--data-dir', root, ...flags], io, new AbortController().signal);
  return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}

const recordOf = async (node: string): Promise<unknown> =>
  JSON.parse(await readFile(join(root, 'agents', node, 'engines.json'), 'utf8'));

describe('down', () => {
  it.each([
    ['agents/helper/notes.txt', 'package.json'],
    ['agents/notes.txt', 'package.json'],
    ['redis/redis.conf', 'passwd'],
    ['tls/server.crt', 'passwd'],
  ])('touches no folder of somebody else, with %s in it', async (...files) => {
    for (const file of files) {
      await mkdir(join(root, file, '..'), { recursive: true });
      await writeFile(join(root, file), 'mine');
    }
    expect(await down()).toMatchObject({ code: 1, err: expect.stringContaining('it is no data directory') });
    for (const file of files) expect(await readFile(join(root, file), 'utf8')).toBe('mine');
  });

  it('leaves what else lies among the agents', async () => {
    const engine = await engineWith('first', 'ID-1', 'node-1');
    await aNode('node-1', [{ dockerHost: engine.host, engineId: 'ID-1' }]);
    await mkdir(join(root, 'agents', 'mine'));
    await writeFile(join(root, 'agents', 'mine', 'notes.txt'), 'mine');
    expect(await down()).toMatchObject({ code: 0 });
    expect(await readdir(join(root, 'agents'))).toEqual(['mine']);
  });

  it('visits the Engines that each node recorded, whatever the default one is, and says what it removed', async () => {
    const first = await engineWith('first', 'ID-1', 'node-1', 'node-2');
    const second = await engineWith('second', 'ID-2', 'node-1');
    await aNode('node-1', [
      { dockerHost: first.host, engineId: 'ID-1' },
      { dockerHost: second.host, engineId: 'ID-2' },
    ]);
    await aNode('node-2', [{ dockerHost: first.host, engineId: 'ID-1' }]);
    const { code, out } = await down();
    expect(code).toBe(0);
    expect(out.split('\n')).toEqual([
      `node-1: 1 container removed on ${first.host}`,
      `node-2: 1 container removed on ${first.host}`,
      `network ${NETWORK}: removed`,
      `node-1: 1 container removed on ${second.host}`,
      `network ${NETWORK}: removed`,
      '',
    ]);
    expect([first.removed.length, second.removed.length]).toEqual([3, 2]);
    expect(await down()).toMatchObject({ code: 0, out: 'Nothing to remove\n' });
  });

  it('passes over a file among the nodes', async () => {
    const engine = await engineWith('first', 'ID-1', 'node-1');
    await aNode('node-1', [{ dockerHost: engine.host, engineId: 'ID-1' }]);
    await writeFile(join(root, 'agents', '.DS_Store'), 'x');
    expect(await down()).toMatchObject({
      code: 0,
      out: expect.stringContaining('node-1: 1 container removed'),
    });
  });

  it('removes what it can, keeps the record of an Engine that is away, and goes on with it later', async () => {
    const first = await engineWith('first', 'ID-1', 'node-1');
    const away = { dockerHost: `unix://${home}/second.sock`, engineId: 'ID-2' };
    await aNode('node-1', [{ dockerHost: first.host, engineId: 'ID-1' }, away]);
    const refused = await down();
    expect(refused.code).toBe(3);
    expect(refused.err).toContain(`node-1 on the Docker Engine at ${away.dockerHost}`);
    expect(refused.err).toContain('--docker-host');
    expect(refused.err).toContain('--force');
    expect(refused.err).not.toContain('    at ');
    expect(first.removed).toHaveLength(2);
    expect(await recordOf('node-1')).toEqual([{ cluster: CLUSTER, ...away }]);
    const second = await engineWith('second', 'ID-2', 'node-1');
    expect((await down()).code).toBe(0);
    expect(second.removed).toHaveLength(2);
  });

  it('believes no other Engine at the recorded address', async () => {
    const other = await engineWith('engine', 'ID-9', 'node-1');
    await aNode('node-1', [{ dockerHost: other.host, engineId: 'ID-1' }]);
    const refused = await down();
    expect(refused.code).toBe(1);
    expect(refused.err).toContain(
      `at ${other.host} answers Docker Engine ID-9, but they are on Docker Engine ID-1`,
    );
    expect(other.removed).toEqual([]);
    const forced = await down('--force');
    expect(forced.code).toBe(0);
    expect(forced.out).toContain('forgotten (--force): Cannot remove the containers of node-1');
    expect(other.removed).toEqual([]);
    expect((await down()).out).toBe('Nothing to remove\n');
  });

  it('finds an Engine at the new address that --docker-host names', async () => {
    const moved = await engineWith('moved', 'ID-1', 'node-1');
    await aNode('node-1', [{ dockerHost: `unix://${home}/old.sock`, engineId: 'ID-1' }]);
    expect((await down('--docker-host', moved.host)).code).toBe(0);
    expect(moved.removed).toHaveLength(2);
  });

  it('takes no other Engine of the same id for one that is away: two may share their id', async () => {
    const twin = await engineWith('twin', 'ID-1', 'node-1');
    const away = {
      dockerHost: `unix://${home}/away.sock`,
      engineId: 'ID-1',
      rootDirectory: '/second/docker',
    };
    await aNode('node-1', [away]);
    expect((await down('--docker-host', twin.host)).code).toBe(3);
    expect(twin.removed).toEqual([]);
    expect(await recordOf('node-1')).toEqual([{ cluster: CLUSTER, ...away }]);
  });

  it('needs no Engine for nodes that made nothing, such as hollow ones', async () => {
    await aNode('node-1', []);
    const { code, out } = await down('--docker-host', `unix://${home}/nothing.sock`);
    expect({ code, out }).toEqual({ code: 0, out: 'node-1: nothing was made on a Docker Engine\n' });
  });

  it('looks where the flags say for nodes of a release without records, and says so', async () => {
    const engine = await engineWith('engine', 'ID-1', 'node-1');
    await aNode('node-1');
    const away = await down('--docker-host', `unix://${home}/nothing.sock`);
    expect(away.code).toBe(3);
    expect(away.out).toContain('node-1: an earlier release kept no record of its Docker Engines');
    expect(away.err).not.toContain('    at ');
    const found = await down('--docker-host', engine.host);
    expect(found.code).toBe(0);
    expect(found.out).toContain(`looking on ${engine.host}`);
    expect(engine.removed).toHaveLength(2);
  });

  it('says which record is damaged', async () => {
    await aNode('node-1');
    await writeFile(join(root, 'agents', 'node-1', 'engines.json'), '{"engines":');
    const { code, err } = await down();
    expect(code).toBe(1);
    expect(err).toContain('agents/node-1/engines.json": it is damaged');
  });

  it.each(['.', 'redis', 'agents/node-1'])(
    'leaves alone what is running with %s, and names the process',
    async (place) => {
      await aNode('node-1', []);
      const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
      try {
        await once(other, 'spawn');
        const owner = { pid: other.pid, startTime: await startTimeOf(other.pid ?? 0) };
        await mkdir(join(root, place), { recursive: true });
        await writeFile(join(root, place, 'owner.json'), JSON.stringify(owner));
        const { code, err } = await down();
        expect(code).toBe(1);
        expect(err).toContain(`symphony (process ${other.pid}) is running there`);
      } finally {
        other.kill('SIGKILL');
        await once(other, 'exit');
      }
      expect((await down()).code).toBe(0);
    },
  );

  it('refuses a directory that is not there, or not its own', async () => {
    expect(await down()).toMatchObject({ code: 1, err: `error: Cannot find "${root}"; set --data-dir\n` });
    await mkdir(join(root, 'photos'), { recursive: true });
    expect((await down()).err).toContain('it is no data directory of symphony; set --data-dir');
    await rm(root, { recursive: true });
    await writeFile(root, '');
    expect((await down()).code).toBe(1);
  });

  it('is content with a start that failed at once', async () => {
    await mkdir(root);
    expect(await down()).toMatchObject({ code: 0, out: 'Nothing to remove\n' });
  });
});
