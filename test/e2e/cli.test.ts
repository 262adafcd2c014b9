/** The symphony command against a live system: what it prints, and how it exits. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/kubectl.ts';
import { startSymphony, type Symphony } from '../support/symphony.ts';
import { configMap, web } from './manifests.ts';

describe('the symphony command', () => {
  let symphony: Symphony;
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'symphony-cli-'));
    const files = { 'web.yaml': web({ replicas: 1 }), 'settings.json': configMap('settings', { a: '1' }) };
    symphony = await startSymphony({ pollInterval: '1h', files });
    await symphony.untilNote((await symphony.repository.git('rev-parse', 'HEAD')).trim(), 'success');
  });
  afterAll(async () => {
    await symphony?.[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });
  beforeEach(() => symphony.explainFailure());

  const file = async (name: string, text: string): Promise<string> => {
    const path = join(directory, name);
    await writeFile(path, text);
    return path;
  };

  it('validate: 0 for good manifests, 1 with place and advice for bad ones, 2 without any', async () => {
    const good = await symphony.cli('validate', '.');
    expect([good.code, good.stderr]).toEqual([0, '']);
    expect(good.stdout).toMatch(/^valid, 2 objects in 2 files/m);
    const bad = await symphony.cli(
      'validate',
      await file('typo.yaml', web().replace('replicas:', 'replicsa:')),
    );
    expect(bad.code).toBe(1);
    expect(bad.stdout).toMatch(/typo\.yaml:7:\d+: error: .*replicsa/);
    expect(bad.stdout).toMatch(/did you mean "?replicas/);
    expect((await symphony.cli('validate')).code).toBe(2);
  });

  it('diff: 0 when nothing would change, 1 with the change when something would', async () => {
    const none = await symphony.cli('diff', '.');
    expect([none.stdout, none.code]).toEqual(['No changes.\n', 0]);
    const path = await file('web.yaml', web({ replicas: 3 }));
    const some = await symphony.cli('diff', '--no-prune', path);
    expect(some.code).toBe(1);
    expect(some.stdout).toMatch(/~ Deployment default\/web/);
    expect(some.stdout).toMatch(/replicas/);
    expect(some.stdout).toMatch(/1 to change/);
    const prune = await symphony.cli('diff', path);
    expect(prune.stdout).toMatch(/- ConfigMap default\/settings/);
    expect(await symphony.kubectl('get', 'deploy', 'web', '-o', 'jsonpath={.spec.replicas}')).toBe('1');
  });

  it('apps and status: every application with its state', async () => {
    for (const command of ['apps', 'status']) {
      const { code, stdout } = await symphony.cli(command);
      expect(code).toBe(0);
      expect(stdout).toMatch(/^NAME +SYNC +HEALTH +REVISION +COMMIT STATUS\n/);
      expect(stdout).toMatch(/^symphony-system\/root +Synced +Healthy +[0-9a-f]{12} +success$/m);
    }
    const json = JSON.parse((await symphony.cli('apps', '-o', 'json')).stdout) as {
      metadata: { name: string };
    }[];
    expect(json.map(({ metadata }) => metadata.name)).toEqual(['root']);
    const missing = await symphony.cli('status', 'nobody');
    expect(missing.code).toBe(1);
    expect(missing.stderr).toMatch(/nobody/);
  });

  it('sync --wait: fetches now, and follows the commit to its end', async () => {
    const sha = await symphony.repository.commit({ 'settings.json': configMap('settings', { a: '2' }) });
    const { code, stdout } = await symphony.cli('sync', '--wait');
    expect(stdout).toMatch(/^Sync of symphony-system\/root requested\n/);
    expect(stdout).toMatch(new RegExp(`Synced +Healthy +${sha.slice(0, 12)} +success`));
    expect(code).toBe(0);
    expect(await symphony.kubectl('get', 'cm', 'settings', '-o', 'jsonpath={.data.a}')).toBe('2');
  });

  it('sync --wait and status: 1, and the cause, for a commit that fails', async () => {
    await symphony.repository.commit({ 'settings.json': '{"apiVersion": "v1", "kind": "ConfigMap"' });
    const synced = await symphony.cli('sync', '--wait');
    expect(synced.code).toBe(1);
    expect(synced.stdout).toMatch(/failure\n +ComparisonError: settings\.json:1/);
    const status = await symphony.cli('status', 'root');
    expect(status.code).toBe(1);
    expect(status.stdout).toMatch(/settings\.json:1/);
    await symphony.repository.commit({ 'settings.json': configMap('settings', { a: '3' }) });
    expect((await symphony.cli('sync', '--wait')).code).toBe(0);
  });

  it('status --watch: shows the way until everything is settled', async () => {
    const sha = await symphony.repository.commit({ 'web.yaml': web({ replicas: 1, version: '2' }) });
    expect((await symphony.cli('sync')).code).toBe(0);
    await eventually('the commit is being applied', async () =>
      (await symphony.cli('status')).stdout.includes(sha.slice(0, 12)),
    );
    const { code, stdout } = await symphony.cli('status', '--watch');
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n').at(-1)).toMatch(/Synced +Healthy +\S+ +success$/);
  });

  it('token create: a token to join with, for one node', async () => {
    const { code, stdout } = await symphony.cli('token', 'create', '--node-name', 'outpost');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\S{40,}\n$/);
  });

  it('token create, list and delete: a bootstrap token, and how long it lives', async () => {
    const created = await symphony.cli('token', 'create', '--ttl', '2h', '--description', 'for the cellar');
    expect(created.stdout).toMatch(/^[a-z0-9]{6}\.[a-z0-9]{16}\.\S{40,}\n$/);
    const id = created.stdout.slice(0, 6);
    const { stdout } = await symphony.cli('token', 'list');
    expect(stdout).toMatch(new RegExp(`^${id} +1h .*authentication,signing +for the cellar$`, 'm'));
    expect((await symphony.cli('token', 'delete', id)).stdout).toBe(`token "${id}" deleted\n`);
    expect((await symphony.cli('token', 'delete', id)).code).toBe(1);
    expect((await symphony.cli('token', 'list')).stdout).not.toContain(id);
  });

  it('exits 3 when nothing answers, 2 for what it does not know', async () => {
    const unreachable = await symphony.cli('status', '--server', 'https://127.0.0.1:9');
    expect(unreachable.code).toBe(3);
    expect(unreachable.stderr).toMatch(/127\.0\.0\.1:9/);
    expect((await symphony.cli('status', '--frobnicate')).code).toBe(2);
  });
});
