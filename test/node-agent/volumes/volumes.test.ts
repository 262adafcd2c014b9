import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeFilesAtomically } from '../../../src/node-agent/volumes/atomic-files.ts';
import { diskCalls, memoryCalls } from '../../../src/node-agent/volumes/file-calls.ts';
import { checkHostPath } from '../../../src/node-agent/volumes/host-path.ts';
import { aVolumeStore } from '../../support/volume-store.ts';
import { mountsBelow, parseMounts } from '../../../src/node-agent/volumes/mounts.ts';
import {
  planVolumes,
  podDirectory,
  type VolumesInput,
} from '../../../src/node-agent/volumes/plan-volumes.ts';
import type { Pod, Volume } from '../../../src/schemas/types.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'symphony-volumes-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const aPod = (volumes: Volume[], spec: Partial<Pod['spec']> = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'shop', uid: 'u-1', labels: { b: '2', a: 'x"y' } },
  spec: { containers: [{ name: 'app' }], volumes, ...spec },
});

const anInput = (pod: Pod): VolumesInput => ({
  pod,
  podsDir: dir,
  place: { nodeName: 'n1', nodeIp: '192.0.2.1', allocatable: { cpu: '4', memory: '8Gi' } },
  configMaps: new Map([
    [
      'cfg',
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'cfg' }, data: { 'a.conf': 'A', b: 'B' } },
    ],
  ]),
  secrets: new Map([
    ['sec', { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'sec' }, data: { key: 'c2VjcmV0' } }],
  ]),
  tokens: new Map([['mix/token', 'tok']]),
});

describe('the plan of volumes', () => {
  it.each<[Volume, string]>([
    [{ name: 'v', configMap: { name: 'no' } }, 'configmap "no" not found'],
    [{ name: 'v', secret: { secretName: 'no' } }, 'secret "no" not found'],
    [
      { name: 'v', configMap: { name: 'cfg', items: [{ key: 'z', path: 'z' }] } },
      'configmap references non-existent config key: z',
    ],
    [
      { name: 'v', secret: { secretName: 'sec', items: [{ key: 'z', path: 'z' }] } },
      'references non-existent secret key: z',
    ],
    [{ name: 'v', csi: { driver: 'x' } }, 'this type of volume is not implemented'],
  ])('waits with a reason: %j', (volume, why) => {
    expect(planVolumes(anInput(aPod([volume])))).toMatchObject({
      ok: false,
      reason: 'FailedMount',
      message: `MountVolume.SetUp failed for volume "v" : ${why}`,
    });
  });

  it('says what is missing of all volumes, and of so many only', () => {
    const volumes = Array.from({ length: 50 }, (_, index) => ({
      name: `v${index}`,
      secret: { secretName: `none-${index}` },
    }));
    const plan = planVolumes(anInput(aPod([{ name: 'v', configMap: { name: 'cfg' } }, ...volumes])));
    if (plan.ok) throw new Error('the plan has what is missing');
    expect(plan.message).toBe('MountVolume.SetUp failed for volume "v0" : secret "none-0" not found');
    expect(plan.also[0]).toBe('MountVolume.SetUp failed for volume "v1" : secret "none-1" not found');
    expect(plan.also).toHaveLength(9);
  });

  it.each(['../x', '/etc/passwd', 'a/../../b', '..data', '..', ''])('refuses the file path %j', (path) => {
    const volume = { name: 'v', configMap: { name: 'cfg', items: [{ key: 'b', path }] } };
    expect(planVolumes(anInput(aPod([volume])))).toMatchObject({
      ok: false,
      reason: 'CreateContainerConfigError',
    });
  });

  it.each<Volume>([
    { name: 'v', secret: { secretName: 'sec', items: [{ key: 'key', path: '../x' }] } },
    { name: 'v', downwardAPI: { items: [{ path: 'a/../../x', fieldRef: { fieldPath: 'metadata.name' } }] } },
    { name: 'mix', projected: { sources: [{ serviceAccountToken: { path: '../x' } }] } },
    { name: 'v', projected: { sources: [{ secret: { name: 'sec', items: [{ key: 'key', path: '/x' }] } }] } },
    { name: '../v', emptyDir: {} },
    { name: 'a/b', configMap: { name: 'cfg' } },
    { name: 'v', hostPath: { path: '/a/../../etc' } },
    { name: 'v', hostPath: { path: 'etc' } },
  ])('says in words which path leaves its volume: %j', (volume) => {
    const tokens = new Map([['mix/../x', 'tok']]);
    expect(planVolumes({ ...anInput(aPod([volume])), tokens })).toMatchObject({
      ok: false,
      reason: 'CreateContainerConfigError',
      message: expect.stringContaining('invalid') as string,
    });
  });

  it('makes room for what containers mount inside a volume that they only read', () => {
    const volumeMounts = [
      { name: 'v', mountPath: '/cfg/' },
      { name: 'data', mountPath: '/cfg/data' },
      { name: 'data', mountPath: '/cfg/in/../up' },
      { name: 'data', mountPath: '/cfgs/x' },
      { name: 'v', mountPath: '/only', subPath: 'a.conf' },
      { name: 'data', mountPath: '/only/this' },
    ];
    const volumes: Volume[] = [
      { name: 'v', configMap: { name: 'cfg' } },
      { name: 'data', emptyDir: {} },
    ];
    const plan = planVolumes(anInput(aPod(volumes, { containers: [{ name: 'app', volumeMounts }] })));
    if (!plan.ok) throw new Error(plan.message);
    expect(plan.volumes[0]).toMatchObject({ mountPoints: ['data'] });
    expect([...plan.agentVolumes]).toEqual(['v']);
  });

  it('makes room for a nested mount only in the innermost volume around it, once', () => {
    const nested = ['/', '/a-b', '/a', '/a/b', '/a/b/c/d', '/ab'];
    const volumes = nested.map((_, index): Volume => ({ name: `v${index}`, configMap: { name: 'cfg' } }));
    const volumeMounts = nested.map((mountPath, index) => ({ name: `v${index}`, mountPath }));
    const containers = ['one', 'two'].map((name) => ({ name, volumeMounts }));
    const plan = planVolumes(anInput(aPod(volumes, { containers })));
    if (!plan.ok) throw new Error(plan.message);
    expect(plan.volumes.map((volume) => volume.kind === 'files' && volume.mountPoints)).toEqual([
      ['a-b', 'a', 'ab'],
      [],
      ['b'],
      ['c/d'],
      [],
      [],
    ]);
  });

  it('looks at each mount once, however many there are', () => {
    const volumes = Array.from(
      { length: 500 },
      (_, index): Volume => ({
        name: `v${index}`,
        configMap: { name: 'cfg' },
      }),
    );
    let looks = 0;
    const volumeMounts = Array.from({ length: 2_000 }, (_, index) => ({
      name: 'v0',
      get mountPath() {
        looks += 1;
        return `/a/${index}`;
      },
    }));
    expect(planVolumes(anInput(aPod(volumes, { containers: [{ name: 'app', volumeMounts }] }))).ok).toBe(
      true,
    );
    expect(looks).toBeLessThanOrEqual(3 * volumeMounts.length);
  });

  it('has an end, however often a pod asks for the same', () => {
    const place = anInput(aPod([])).place;
    const items = Array.from({ length: 5_000 }, (_, index) => ({
      path: `p${index}`,
      fieldRef: { fieldPath: 'metadata.annotations' },
    }));
    const pod = aPod([{ name: 'v', downwardAPI: { items } }]);
    const annotations = { large: 'x'.repeat(100_000) };
    const input = { ...anInput({ ...pod, metadata: { ...pod.metadata, annotations } }), place };
    expect(planVolumes(input)).toMatchObject({
      ok: false,
      message: expect.stringContaining('more than 67108864 bytes of files') as string,
    });
  });

  it('gathers the sources of a projected volume, the later winning', () => {
    const volume: Volume = {
      name: 'mix',
      projected: {
        defaultMode: 0o600,
        sources: [
          { configMap: { name: 'cfg' } },
          { secret: { name: 'sec', items: [{ key: 'key', path: 'b', mode: 0o400 }] } },
          { configMap: { name: 'absent', optional: true } },
          { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
          { serviceAccountToken: { path: 'token' } },
        ],
      },
    };
    const plan = planVolumes(anInput(aPod([volume])));
    if (!plan.ok) throw new Error(plan.message);
    const [planned] = plan.volumes;
    if (planned?.kind !== 'files') throw new Error('no files');
    expect(planned.sensitive).toBe(true);
    expect(planned.files.map(({ path, mode, content }) => [path, mode, content.toString()])).toEqual([
      ['a.conf', 0o600, 'A'],
      ['b', 0o400, 'secret'],
      ['labels', 0o600, 'a="x\\"y"\nb="2"'],
      ['token', 0o600, 'tok'],
    ]);
  });

  it('puts what is secret into memory where there is some, and nothing else', () => {
    const volumes: Volume[] = [
      { name: 's', secret: { secretName: 'sec' } },
      { name: 'c', configMap: { name: 'cfg' } },
    ];
    const pathsOf = (memoryDir?: string) => {
      const plan = planVolumes({ ...anInput(aPod(volumes)), memoryDir });
      return plan.ok ? [plan.paths.get('s'), plan.paths.get('c')] : [];
    };
    const onDisk = `${dir}/u-1/volumes/kubernetes.io~configmap/c`;
    expect(pathsOf('/memory')).toEqual(['/memory/u-1/s', onDisk]);
    expect(pathsOf()).toEqual([`${dir}/u-1/volumes/kubernetes.io~secret/s`, onDisk]);
  });

  it.each<[string, Partial<Pod['spec']>, { mode: number; userId?: number }]>([
    ['everybody', {}, { mode: 0o644 }],
    ['its group', { securityContext: { fsGroup: 7 } }, { mode: 0o600 }],
    ['its one user', { securityContext: { runAsUser: 5 } }, { mode: 0o600, userId: 5 }],
    [
      'everybody, of several users',
      {
        securityContext: { runAsUser: 5 },
        initContainers: [{ name: 'i', securityContext: { runAsUser: 6 } }],
      },
      { mode: 0o644 },
    ],
  ])('gives the token of a pod to %s', (_whom, spec, expected) => {
    const volume: Volume = {
      name: 'mix',
      projected: { sources: [{ serviceAccountToken: { path: 'token' } }] },
    };
    const plan = planVolumes({ ...anInput(aPod([volume], spec)), canChown: true });
    const [planned] = plan.ok ? plan.volumes : [];
    const [file] = planned?.kind === 'files' ? planned.files : [];
    expect(file).toEqual({ path: 'token', content: Buffer.from('tok'), ...expected });
    // Where nobody can be given a file, it must be readable by whoever needs it.
    const unowned = planVolumes(anInput(aPod([volume], spec)));
    const [other] = unowned.ok ? unowned.volumes : [];
    expect(other?.kind === 'files' && other.files[0]?.userId).toBeUndefined();
  });

  it('keeps all of a pod below its own directory', () => {
    expect(() => podDirectory('/pods', '../../etc')).toThrow(RangeError);
    expect(podDirectory('/pods', 'u-1')).toBe('/pods/u-1');
  });
});

describe.each([
  ['on the disk', diskCalls],
  ['in memory', memoryCalls],
])('files %s that change at once', (_, calls) => {
  const clock = createFakeClock();
  const file = (path: string, text: string, mode = 0o644) => ({ path, mode, content: Buffer.from(text) });

  it('appear through ..data, and a change swaps that link only', async () => {
    expect(
      await writeFilesAtomically(dir, [file('a', '1'), file('sub/b', '2', 0o400)], { clock, calls }),
    ).toBe(true);
    const first = await readlink(join(dir, '..data'));
    expect(await readlink(join(dir, 'a'))).toBe('..data/a');
    expect(await readFile(join(dir, 'sub/b'), 'utf8')).toBe('2');
    expect((await stat(join(dir, 'sub/b'))).mode & 0o777).toBe(0o400);

    expect(
      await writeFilesAtomically(dir, [file('a', '1'), file('sub/b', '2', 0o400)], { clock, calls }),
    ).toBe(false);
    expect(await readlink(join(dir, '..data'))).toBe(first);

    expect(await writeFilesAtomically(dir, [file('a', 'new')], { clock, calls })).toBe(true);
    expect(await readlink(join(dir, '..data'))).not.toBe(first);
    expect(await readFile(join(dir, 'a'), 'utf8')).toBe('new');
    expect((await readdir(dir)).sort()).toEqual([await readlink(join(dir, '..data')), '..data', 'a'].sort());
  });

  it('are repaired after a writer that died half way', async () => {
    await writeFilesAtomically(dir, [file('a', '1')], { clock, calls });
    await symlink('nowhere', join(dir, '..data_tmp'));
    await mkdir(join(dir, '..half'));
    await writeFilesAtomically(dir, [file('a', '2')], { clock, calls });
    expect(await readFile(join(dir, 'a'), 'utf8')).toBe('2');
    expect(await readdir(dir)).not.toContain('..half');
  });
});

describe('volumes on the disk', () => {
  const store = () =>
    aVolumeStore({
      podsDir: dir,
      clock: createFakeClock(),
      canMount: () => Promise.resolve(false),
    });

  it('are made, updated and taken down without touching what links lead to', async () => {
    const outside = join(dir, 'outside');
    await mkdir(outside);
    await writeFile(join(outside, 'precious'), 'x');
    const input = anInput(
      aPod([
        { name: 'tmp', emptyDir: {} },
        { name: 'cfg', configMap: { name: 'cfg' } },
      ]),
    );
    const plan = planVolumes(input);
    if (!plan.ok) throw new Error(plan.message);
    expect(await store().apply(plan.volumes)).toEqual({ ok: true, changed: ['cfg'] });
    expect(await store().apply(plan.volumes)).toEqual({ ok: true, changed: [] });
    const tmp = plan.paths.get('tmp')!;
    expect((await stat(tmp)).mode & 0o7777).toBe(0o777);
    await symlink(outside, join(tmp, 'link'));
    await store().tearDown('u-1');
    await store().tearDown('u-1');
    expect(await readdir(dir)).toEqual(['outside']);
    expect(await readFile(join(outside, 'precious'), 'utf8')).toBe('x');
  });

  it('keep what the pod has made of an emptyDir', async () => {
    const plan = planVolumes(anInput(aPod([{ name: 'tmp', emptyDir: {} }])));
    if (!plan.ok) throw new Error(plan.message);
    const tmp = plan.paths.get('tmp') ?? '';
    // A writer that died half way has left this.
    await mkdir(`${tmp}.new`, { recursive: true, mode: 0o700 });
    await store().apply(plan.volumes);
    expect((await stat(tmp)).mode & 0o7777).toBe(0o777);
    await chmod(tmp, 0o700);
    expect(await store().apply(plan.volumes)).toEqual({ ok: true, changed: [] });
    expect((await stat(tmp)).mode & 0o7777).toBe(0o700);
    expect(await readdir(join(tmp, '..'))).toEqual(['tmp']);
  });

  it('say why a medium of memory is not to be had', async () => {
    const plan = planVolumes(
      anInput(aPod([{ name: 'm', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } }])),
    );
    if (!plan.ok) throw new Error(plan.message);
    expect(plan.volumes[0]).toMatchObject({ kind: 'memory', sizeBytes: 1_048_576 });
    expect(await store().apply(plan.volumes)).toMatchObject({
      ok: false,
      reason: 'FailedMount',
      volume: 'm',
    });
  });

  it.each([
    ['Directory', 'missing', 'is not a directory'],
    ['File', 'missing', 'is not a file'],
    ['Socket', '.', 'is not a socket'],
    ['CharDevice', '.', 'is not a character device'],
    ['FileOrCreate', '.', 'is not a file'],
  ])('check a hostPath of type %s at %s', async (type, path, why) => {
    await expect(checkHostPath(join(dir, path), type)).rejects.toThrow(why);
  });

  it('make a hostPath where its type says so', async () => {
    await checkHostPath(join(dir, 'a/b'), 'DirectoryOrCreate');
    await checkHostPath(join(dir, 'a/f'), 'FileOrCreate');
    expect([(await lstat(join(dir, 'a/b'))).isDirectory(), (await lstat(join(dir, 'a/f'))).isFile()]).toEqual(
      [true, true],
    );
  });

  it.each(['', 'DirectoryOrCreate'])(
    'end at once where a hostPath of type "%s" cannot be made',
    async (type) => {
      await expect(checkHostPath('/proc/nothing/of/it', type)).rejects.toThrow(/ENOENT.*\/proc\/nothing/);
    },
  );

  it('are unmounted deepest first, and only their own', () => {
    const line = (point: string): string => `1 2 0:3 / ${point} rw - tmpfs symphony rw`;
    const info = ['/p/u', '/p/u/a', '/p/u/a/b\\040c', '/p/u2', '/'].map(line).join('\n');
    expect(mountsBelow(parseMounts(info), '/p/u')).toEqual(['/p/u/a/b c', '/p/u/a', '/p/u']);
  });
});
