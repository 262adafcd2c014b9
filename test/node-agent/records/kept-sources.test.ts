import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/base/logger.ts';
import { createDiskPodVolumes } from '../../../src/node-agent/volumes/disk-pod-volumes.ts';
import type { PodVolumes } from '../../../src/node-agent/volumes/pod-volumes.ts';
import type { Pod } from '../../../src/schemas/types.ts';
import { createAgentFakeApi } from '../../support/agent-fake-api.ts';
import { aPod } from '../../support/agent-world.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'symphony-sources-'));
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

const place = {
  nodeName: 'n1',
  nodeIp: '192.0.2.1',
  podIp: '10.0.0.2',
  allocatable: { cpu: '1', memory: '1' },
};
const pod: Pod = aPod('web', {
  volumes: [
    { name: 'page', configMap: { name: 'page' } },
    { name: 'key', secret: { secretName: 'key' } },
  ],
  containers: [{ name: 'main', image: 'x', envFrom: [{ secretRef: { name: 'key' } }] }],
});
const [main] = pod.spec.containers;

function setUp(): { api: ReturnType<typeof createAgentFakeApi>; make(): PodVolumes } {
  const api = createAgentFakeApi();
  const object = (kind: string, name: string, data: Record<string, string>) => ({
    apiVersion: 'v1',
    kind,
    metadata: { name, namespace: 'default' },
    data,
  });
  api.put('configmaps', object('ConfigMap', 'page', { 'index.html': 'hello' }));
  api.put('secrets', object('Secret', 'key', { TOKEN: Buffer.from('s3cret').toString('base64') }));
  const make = (): PodVolumes =>
    createDiskPodVolumes({
      client: api.client,
      dataDir,
      clock: createFakeClock(),
      logger: silentLogger,
      isRoot: false,
      engineSees: () => Promise.resolve(true),
      clusterDomain: 'cluster.local',
    });
  return { api, make };
}

describe('sources of pods without a control plane', () => {
  it('are what the control plane answered last, also for an agent that has started anew', async () => {
    const { api, make } = setUp();
    const before = make();
    await before.ensure(pod, place);
    await before.environment(pod, main ?? { name: '' });
    api.setAway(true);
    const after = make();
    const prepared = await after.ensure(pod, place);
    const page = prepared.volumePaths.get('page') ?? '';
    expect(await readFile(join(page, 'index.html'), 'utf8')).toBe('hello');
    const { sources } = await after.environment(pod, main ?? { name: '' });
    expect(sources.secrets.get('key')?.data).toEqual({ TOKEN: Buffer.from('s3cret').toString('base64') });
  });

  it("are readable by the agent's user only, and go with the pod", async () => {
    const { make } = setUp();
    const volumes = make();
    await volumes.ensure(pod, place);
    const directory = join(dataDir, 'pods', pod.metadata.uid ?? '', 'sources');
    const files = await readdir(directory);
    expect(files).toHaveLength(2);
    for (const file of files) expect((await stat(join(directory, file))).mode & 0o777).toBe(0o600);
    await volumes.tearDown(pod);
    await expect(stat(directory)).rejects.toThrow('ENOENT');
  });

  it('are forgotten when the control plane says that they do not exist', async () => {
    const { api, make } = setUp();
    const volumes = make();
    await volumes.environment(pod, main ?? { name: '' });
    api.remove('secrets', 'default/key');
    expect((await volumes.environment(pod, main ?? { name: '' })).sources.secrets.size).toBe(0);
    api.setAway(true);
    await expect(volumes.environment(pod, main ?? { name: '' })).rejects.toThrow('the API is away');
  });

  it('are not taken from damaged files', async () => {
    const { api, make } = setUp();
    const volumes = make();
    await volumes.ensure(pod, place);
    const directory = join(dataDir, 'pods', pod.metadata.uid ?? '', 'sources');
    for (const file of await readdir(directory)) await writeFile(join(directory, file), '{"half');
    api.setAway(true);
    await expect(volumes.ensure(pod, place)).rejects.toThrow('the API is away');
  });

  it('leave nothing behind where they cannot be written', async () => {
    const { make } = setUp();
    const volumes = make();
    await volumes.ensure(pod, place);
    const directory = join(dataDir, 'pods', pod.metadata.uid ?? '', 'sources');
    const [first = ''] = await readdir(directory);
    await rm(join(directory, first));
    // A directory in the way fails for every user, as a full disk does.
    await mkdir(join(directory, first, 'inside'), { recursive: true });
    for (let tries = 0; tries < 3; tries += 1) await make().ensure(pod, place);
    expect((await readdir(directory)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});
