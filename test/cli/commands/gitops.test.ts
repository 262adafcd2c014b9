/**
 * The GitOps commands against a real API server (memory store, HTTPS) and the real sync worker
 * beside it.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { comesTrue } from '../../support/comes-true.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { seededRng } from '../../../src/base/rng.ts';
import { runCli } from '../../../src/cli/run-cli.ts';
import { builtinRegistry } from '../../../src/schemas/registry.ts';
import { createCacheSet } from '../../../src/store/cache/cache-set.ts';
import { createApplicationController } from '../../../src/sync/application-controller.ts';
import { createMemoryRepository } from '../../doubles/memory-mirror.ts';
import { rootApplication } from '../../../src/sync/root-application.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { type TestServer, startTestServer } from '../../api/test-server.ts';
import { definitionSample } from '../../schemas/custom-samples.ts';
import { startDefinitions } from '../../support/definitions.ts';
import { REPO_URL, configMap, createInlineQueues } from '../../sync/harness.ts';

let server: TestServer;
let folder: string;
const closing: AsyncDisposable[] = [];
const repository = createMemoryRepository(systemClock);

beforeEach(async () => {
  server = await startTestServer({}, ['default', 'symphony-system']);
  folder = await mkdtemp(join(tmpdir(), 'symphony-gitops-'));
});
afterEach(async () => {
  for (const each of closing.splice(0).reverse()) await each[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

/** A worker with long polls: only what is asked for happens. */
async function startSync(): Promise<void> {
  const { store, objects } = server.core;
  const caches = createCacheSet({ store, clock: systemClock, logger: silentLogger });
  const controller = await createApplicationController({
    store,
    writer: objects,
    caches,
    queues: createInlineQueues(),
    registry: builtinRegistry,
    clock: systemClock,
    rng: seededRng(1),
    logger: silentLogger,
    createMirror: () => repository.createMirror(),
    pollIntervalMs: 3_600_000,
    commitStatusLimits: { stabilityWindowMs: 1, failureGraceMs: 1, progressDeadlineMs: 600_000 },
  });
  closing.push(caches, controller);
}

async function run(...argv: string[]) {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const io = { stdin: Readable.from(['']), stdout, stderr };
  const args = [...argv, '--kubeconfig', server.kubeconfig];
  const code = await runCli(args, io, new AbortController().signal);
  const text = (stream: PassThrough): string => String((stream.read() as Buffer | null) ?? '');
  return { code, out: text(stdout), err: text(stderr) };
}

describe('the GitOps commands', () => {
  it('sync --wait reports the sync that was asked for, not the one before', async () => {
    await server.core.objects.create(rootApplication({ repoURL: REPO_URL }));
    repository.commit({ 'a.yaml': configMap('a', { x: '1' }) });
    await startSync();
    expect(await run('sync', '--wait')).toMatchObject({ code: 0 });
    const broken = repository.commit({ 'a.yaml': 'kind: [' });
    const failed = await run('sync', '--wait');
    expect(failed.code).toBe(1);
    expect(failed.out).toContain(broken.slice(0, 12));
    expect(failed.out).toContain('a.yaml:');
    repository.commit({ 'a.yaml': configMap('a', { x: '2' }) });
    const fixed = await run('sync', '--wait', '-o', 'json');
    expect(fixed.code).toBe(0);
    expect(JSON.parse(fixed.out)).toMatchObject([{ status: { commitStatus: { state: 'success' } } }]);
    expect(await server.core.store.get('configmaps', 'default/a')).toMatchObject({ data: { x: '2' } });
    expect(await run('status')).toMatchObject({ code: 0 });
    const apps = await run('apps');
    expect(apps.out).toContain('symphony-system/root  Synced');
    expect(apps.out).not.toContain('\u001b');
    const json = await run('status', 'root', '-o', 'json');
    expect(JSON.parse(json.out)).toMatchObject([{ metadata: { name: 'root' } }]);
  });

  it('diff shows what would change, and no value of a Secret', async () => {
    const secret = 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: canary-4711}\n';
    await writeFile(join(folder, 'a.yaml'), `${configMap('a', { x: '1' })}---\n${secret}`);
    const text = await run('diff', folder);
    expect(text.code).toBe(1);
    expect(text.out).toContain('+ ConfigMap default/a');
    const json = await run('diff', folder, '--output', 'json');
    expect(JSON.parse(json.out)).toMatchObject({
      changes: [
        { action: 'create', key: 'default/s' },
        { action: 'create', key: 'default/a' },
      ],
    });
    expect(text.out + json.out).not.toContain('canary');
  });

  it('validate and diff custom objects by the definitions beside them, and those of the cluster', async () => {
    const gadget = (size: number): string =>
      `apiVersion: rec.example.com/v1\nkind: Gadget\nmetadata: {name: g}\nspec: {size: ${size}}\n`;
    await writeFile(join(folder, 'gadget.yaml'), gadget(1));
    const unknown = await run('validate', folder);
    expect(unknown).toMatchObject({ code: 1 });
    expect(unknown.out).toContain('here or in the cluster (the cluster was not asked: --cluster)');
    expect((await run('validate', folder, '--cluster')).out).toContain('here or in the cluster\n');

    await writeFile(join(folder, 'z-definition.json'), JSON.stringify(definitionSample));
    expect(await run('validate', folder)).toMatchObject({ code: 0 });
    const both = await run('diff', folder);
    expect(both.out).toContain('+ Gadget default/g');
    expect(both.out).toContain('+ CustomResourceDefinition gadgets.rec.example.com');
    await writeFile(join(folder, 'gadget.yaml'), gadget(1000));
    const wrong = await run('validate', folder);
    expect(wrong.out).toContain('spec.size in body should be less than or equal to 100');
    expect((await run('diff', folder)).err).toContain('should be less than or equal to 100');

    await rm(join(folder, 'z-definition.json'));
    const definitions = await startDefinitions(server.core);
    closing.push(definitions);
    await server.core.objects.create(definitionSample);
    await comesTrue(() => expect(server.core.registry.byId('gadgets.rec.example.com')).toBeDefined());
    await writeFile(join(folder, 'gadget.yaml'), gadget(2));
    expect(await run('validate', folder, '--cluster')).toMatchObject({ code: 0 });
    expect((await run('diff', folder)).out).toContain('+ Gadget default/g');
    await server.core.objects.create({
      apiVersion: 'rec.example.com/v1',
      kind: 'Gadget',
      metadata: { name: 'g', namespace: 'default' },
      spec: { size: 1 },
    });
    const changed = await run('diff', folder);
    expect(changed.out).toContain('~ Gadget default/g');
    expect(changed.out).toContain('spec.size');
    expect(changed.out).not.toContain('spec.mode');
  });

  it('exit with 1 for an application that is not there, and 3 for a server that is away', async () => {
    expect(await run('sync', 'nothing')).toMatchObject({ code: 1 });
    expect(await run('status', 'nothing')).toMatchObject({ code: 1 });
    await server.server[Symbol.asyncDispose]();
    expect(await run('apps')).toMatchObject({ code: 3 });
  });
});
