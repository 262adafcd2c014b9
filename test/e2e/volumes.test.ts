/**
 * A claim of the default class, from kubectl to the directory on the disk, and through everything
 * that its data must outlive.
 */
import { existsSync } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually, type ProgramResult, runProgram, WAIT_TIMEOUT } from '../support/kubectl.ts';
import { startSymphony, type Symphony } from '../support/symphony.ts';
import { STAY, tool } from './manifests.ts';

const BIN = fileURLToPath(new URL('../../bin/symphony', import.meta.url));
const CLAIM = `apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 10Mi}}
`;
const writer = (script: string): string =>
  tool({
    name: 'writer',
    script,
    spec: '  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]\n',
    container: '      volumeMounts: [{name: data, mountPath: /data}]\n',
  });

describe('a claim of the default class', () => {
  let symphony: Symphony;
  let archive = '';

  beforeAll(async () => {
    symphony = await startSymphony({ nodes: 2, files: { 'claim.yaml': CLAIM } });
    archive = join(symphony.dataDir, 'data.tar');
    await eventually('the claim of Git is there', () => symphony.kubectl('get', 'pvc', 'data'));
  });
  afterAll(() => symphony?.[Symbol.asyncDispose]());
  beforeEach(() => symphony.explainFailure());

  const path = (): Promise<string> =>
    symphony.kubectl('get', 'pv', '-o', 'jsonpath={.items[0].spec.local.path}');
  const put = async (script: string): Promise<void> => {
    await symphony.kubectl('delete', 'pod', 'writer', '--ignore-not-found', WAIT_TIMEOUT);
    await symphony.kubectl.withInput(writer(script), 'apply', '-f', '-');
    await symphony.kubectl('wait', '--for=condition=Ready', 'pod/writer', WAIT_TIMEOUT);
  };
  const remove = (): Promise<string> => symphony.kubectl('delete', 'pod', 'writer', WAIT_TIMEOUT);
  /** The command line in a shell, which brings the archive to it. */
  const archived = (line: string): Promise<ProgramResult> =>
    runProgram('sh', ['-c', `"$0" "$1" ${line}`, process.execPath, BIN], {
      cwd: symphony.dataDir,
      env: { ...process.env, KUBECONFIG: join(symphony.dataDir, 'kubeconfig'), ARCHIVE: archive },
    });

  it('waits for its pod, gets a directory, and keeps the data for the next pod', async () => {
    expect(await symphony.kubectl('get', 'pvc', 'data', '-o', 'jsonpath={.status.phase}')).toBe('Pending');
    await put(`echo first >> /data/log; ln -s log /data/link; mkdir -m 700 /data/private; ${STAY}`);
    await eventually('the file is there', async () => existsSync(join(await path(), 'link')));
    expect(await path()).toContain('/volumes/pvc-');
    await remove();
    await put(`echo second >> /data/log; ${STAY}`);
    await eventually(
      'the second line is there',
      async () => (await readFile(join(await path(), 'log'), 'utf8')) === 'first\nsecond\n',
    );
  });

  it('is backed up, and restored only where nothing is lost by it', async () => {
    expect(await archived('backup volume default/data > "$ARCHIVE"')).toMatchObject({ code: 0 });
    expect((await runProgram('tar', ['tf', archive])).stdout.split('\n')).toEqual(
      expect.arrayContaining(['./', 'link', 'log', 'private/']),
    );
    const unwritten = await archived('backup volume default/data > /dev/full');
    expect(unwritten).toMatchObject({ code: 1 });
    expect(unwritten.stderr).toContain('The backup is not complete');
    const used = await archived('restore volume default/data < "$ARCHIVE"');
    expect(used).toMatchObject({ code: 1 });
    expect(used.stderr).toContain('the volume is used by 1 pod(s)');
    await remove();
    const full = await archived('restore volume default/data < "$ARCHIVE"');
    expect(full).toMatchObject({ code: 1 });
    expect(full.stderr).toContain('the volume is not empty');
    await writeFile(join(await path(), 'log'), 'spoiled');
    const cut = await archived('restore volume default/data --force < /dev/null');
    expect(cut).toMatchObject({ code: 1 });
    expect(await readFile(join(await path(), 'log'), 'utf8')).toBe('spoiled');
    const restored = await archived('restore volume default/data --force < "$ARCHIVE"');
    expect(restored).toMatchObject({ code: 0 });
    expect(await readFile(join(await path(), 'log'), 'utf8')).toBe('first\nsecond\n');
    expect((await stat(join(await path(), 'private'))).mode & 0o777).toBe(0o700);
    const none = await archived('backup volume default/none > /dev/null');
    expect(none).toMatchObject({ code: 1 });
    expect(none.stderr).toContain('persistentvolumeclaims "none" not found');
  });

  it('finds its data again after FLUSHALL', async () => {
    await put(STAY);
    const before = await path();
    const redis = new Redis({ path: join(symphony.dataDir, 'redis', 'redis.sock'), protocol: 2 });
    await redis.flushall();
    redis.disconnect();
    await eventually('the claim of Git is bound to the volume again', async () => {
      const claim = await symphony.kubectl.json('get', 'pvc', 'data');
      expect(claim['status']).toMatchObject({ phase: 'Bound' });
      expect(await path()).toBe(before);
      return true;
    });
    expect(await readFile(join(before, 'log'), 'utf8')).toBe('first\nsecond\n');
    await remove();
    await put(`echo third >> /data/log; ${STAY}`);
    await eventually(
      'the third line is there',
      async () => (await readFile(join(before, 'log'), 'utf8')) === 'first\nsecond\nthird\n',
    );
  });

  it('outlives symphony down, and goes with --volumes', async () => {
    const before = await path();
    await symphony.stop();
    const down = async (...flags: readonly string[]): Promise<ProgramResult> =>
      runProgram(process.execPath, [BIN, 'down', '--data-dir', symphony.dataDir, ...flags]);
    expect((await down()).stdout).toContain('1 volume kept in');
    expect(await readFile(join(before, 'log'), 'utf8')).toBe('first\nsecond\nthird\n');
    await symphony.start();
    await put(STAY);
    expect(await path()).toBe(before);
    await symphony.stop();
    expect((await down('--volumes')).stdout).toContain('1 volume removed');
    expect(existsSync(before)).toBe(false);
    expect(await readdir(join(symphony.dataDir, 'agents')).then((names) => names.length)).toBe(0);
  });
});
