/** A refresh of a pod's volumes that finds nothing new leaves the disk alone, but not for ever. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { silentLogger } from '../../../src/base/logger.ts';
import { createDiskPodVolumes } from '../../../src/node-agent/volumes/disk-pod-volumes.ts';
import type { VolumePlan } from '../../../src/node-agent/volumes/plan-volumes.ts';
import { digestOf } from '../../../src/node-agent/volumes/unchanged.ts';
import { createAgentFakeApi } from '../../support/agent-fake-api.ts';
import { aPod } from '../../support/agent-world.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'symphony-unchanged-'));
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

const pod = aPod('web', { volumes: [{ name: 'page', configMap: { name: 'page' } }] });
const place = {
  nodeName: 'n1',
  nodeIp: '192.0.2.1',
  podIp: '10.0.0.2',
  allocatable: { cpu: '1', memory: '1' },
};

function setUp() {
  const api = createAgentFakeApi();
  const clock = createFakeClock();
  const put = (text: string): void =>
    api.put('configmaps', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'page', namespace: 'default' },
      data: { 'index.html': text },
    });
  put('hello');
  const volumes = createDiskPodVolumes({
    client: api.client,
    dataDir,
    clock,
    logger: silentLogger,
    isRoot: false,
    engineSees: () => Promise.resolve(true),
    clusterDomain: 'cluster.local',
  });
  return { clock, put, volumes };
}

it('writes what has changed at once, and looks at the disk again after ten minutes', async () => {
  const { clock, put, volumes } = setUp();
  const { files, volumePaths } = await volumes.ensure(pod, place);
  const page = join(volumePaths.get('page') ?? '', 'index.html');
  const hosts = await readFile(files.hosts, 'utf8');
  await writeFile(files.hosts, 'somebody else wrote this');
  await clock.advance(60_000);
  await volumes.ensure(pod, place);
  expect(await readFile(files.hosts, 'utf8')).toBe('somebody else wrote this');
  await clock.advance(600_000);
  await volumes.ensure(pod, place);
  expect(await readFile(files.hosts, 'utf8')).toBe(hosts);
  put('changed');
  await volumes.ensure(pod, place);
  expect(await readFile(page, 'utf8')).toBe('changed');
});

it.each(['volumes', 'etc-hosts', 'the files of a volume'])(
  'misses %s that somebody has removed',
  async (what) => {
    const { volumes } = setUp();
    const { files, volumePaths } = await volumes.ensure(pod, place);
    const directory = join(files.hosts, '..');
    const root = volumePaths.get('page') ?? '';
    const data = (await readdir(root)).find((name) => /^\.\.\d/.test(name)) ?? '';
    await rm(what.includes(' ') ? join(root, data) : join(directory, what), { recursive: true });
    await volumes.ensure(pod, place);
    expect(await readFile(join(root, 'index.html'), 'utf8')).toBe('hello');
    expect(await readFile(files.hosts, 'utf8')).toContain('web');
  },
);

it('sets up a pod anew that was taken down in between', async () => {
  const { volumes } = setUp();
  await volumes.ensure(pod, place);
  await volumes.tearDown(pod);
  const { volumePaths } = await volumes.ensure(pod, place);
  expect(await readFile(join(volumePaths.get('page') ?? '', 'index.html'), 'utf8')).toBe('hello');
});

it('tells plans apart that differ in a name, a mode, an owner, the content, or where it is cut', () => {
  const plan = (files: readonly (readonly [string, number, string, number?])[], path = '/v'): VolumePlan => ({
    kind: 'files',
    name: 'v',
    path,
    sensitive: false,
    files: files.map(([name, mode, text, userId]) => ({
      path: name,
      mode,
      content: Buffer.from(text),
      ...(userId === undefined ? {} : { userId }),
    })),
  });
  const digests = [
    digestOf([plan([['a', 0o644, 'xy']])], []),
    digestOf([plan([['b', 0o644, 'xy']])], []),
    digestOf([plan([['a', 0o600, 'xy']])], []),
    digestOf([plan([['a', 0o644, 'xy', 7]])], []),
    digestOf([plan([['a', 0o644, 'xz']])], []),
    digestOf([plan([['a', 0o644, 'xy']], '/w')], []),
    digestOf([plan([['a', 0o644, 'xy']])], ['t']),
    digestOf([], ['ab', 'c']),
    digestOf([], ['a', 'bc']),
    digestOf([{ kind: 'directory', name: 'v', path: '/v' }], []),
    digestOf([{ kind: 'directory', name: 'v', path: '/v', groupId: 1 }], []),
  ];
  expect(new Set(digests).size).toBe(digests.length);
  expect(digestOf([plan([['a', 0o644, 'xy']])], ['t'])).toBe(digestOf([plan([['a', 0o644, 'xy']])], ['t']));
});
