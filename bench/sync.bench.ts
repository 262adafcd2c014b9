/**
 * A repository of 10,000 objects: a sync in which nothing changed against `git diff-tree` on it,
 * and the time from a one-file commit to the store. Both on the real mirror and the memory store,
 * interleaved in one run.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/base/clock.ts';
import { silentLogger } from '../src/base/logger.ts';
import { systemRng } from '../src/base/rng.ts';
import { builtinRegistry } from '../src/schemas/registry.ts';
import * as strategy from '../src/schemas/strategy/index.ts';
import { createCacheSet } from '../src/store/cache/cache-set.ts';
import { createMemoryStore } from '../test/doubles/memory-store/memory-store.ts';
import { createObjects } from '../test/support/objects.ts';
import type { SyncJob } from '../src/queue/types.ts';
import { createApplicationController } from '../src/sync/application-controller.ts';
import { createGitMirror } from '../src/sync/git/git-mirror.ts';
import { rootApplication } from '../src/sync/root-application.ts';
import { createTestRepository, git } from '../test/support/git-server.ts';
import { createInlineQueues } from '../test/sync/harness.ts';

const OBJECTS = 10_000;
const REPEATS = 9;
const HOUR_MS = 3_600_000;
const JSON_OUTPUT = process.argv.includes('--json');

function report(name: string, value: number, baseline: number | null): void {
  const ratio = baseline === null ? null : Number((value / baseline).toFixed(2));
  const figure = {
    bench: 'sync',
    name,
    value: Number(value.toFixed(2)),
    unit: 'ms',
    baseline: baseline === null ? null : Number(baseline.toFixed(2)),
    ratio,
  };
  process.stdout.write(
    JSON_OUTPUT
      ? `${JSON.stringify(figure)}\n`
      : `${name}: ${figure.value} ms${ratio === null ? '' : ` (${ratio}x of ${figure.baseline} ms)`}\n`,
  );
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const timed = async (action: () => Promise<unknown>): Promise<number> => {
  const start = performance.now();
  await action();
  return performance.now() - start;
};

const manifest = (index: number, value: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: object-${index}\ndata:\n  value: "${value}"\n  text: some configuration of a service\n`;

const repository = await createTestRepository();
const directory = await mkdtemp(join(tmpdir(), 'symphony-bench-'));
const files = Object.fromEntries(
  Array.from({ length: OBJECTS }, (_, index) => [
    `team-${index % 100}/object-${index}.yaml`,
    manifest(index, '0'),
  ]),
);
await repository.commit(files);
const clock = systemClock;
const store = createMemoryStore({ clock });
const objects = createObjects({ store, registry: builtinRegistry, clock, rng: systemRng, strategy });
const caches = createCacheSet({ store, clock, logger: silentLogger });
for (const name of ['default', 'symphony-system'])
  await objects.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
await objects.create(rootApplication({ repoURL: repository.bare, targetRevision: 'main' }));
const signal = new AbortController().signal;
const queues = createInlineQueues();
type Job = (payload: SyncJob, signal: AbortSignal) => Promise<void>;
let run: Job = async () => undefined;
const controller = await createApplicationController({
  store,
  writer: objects,
  caches,
  queues: {
    ...queues,
    work(name, options) {
      run = options.process as unknown as Job;
      return queues.work(name, options);
    },
  },
  registry: builtinRegistry,
  clock,
  rng: systemRng,
  logger: silentLogger,
  createMirror: (url) =>
    createGitMirror({
      url,
      directory,
      clock,
      logger: silentLogger,
      allowFile: true,
      environment: { PATH: process.env['PATH'] ?? '' },
    }),
  pollIntervalMs: HOUR_MS,
});

/** Until the store holds an object's value. */
async function stored(index: number, value: string): Promise<void> {
  for (;;) {
    const object = await store.get('configmaps', `default/object-${index}`);
    if ((object?.['data'] as { value?: string } | undefined)?.value === value) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const first = await timed(() => stored(OBJECTS - 1, '0'));
report('first sync of 10,000 objects', first, null);
await repository.commit({ 'team-1/object-1.yaml': manifest(1, 'warm') });
await lookOnce();
await stored(1, 'warm');
await new Promise((resolve) => setTimeout(resolve, 500));

const noops: number[] = [];
const diffs: number[] = [];
const changes: number[] = [];
for (let round = 0; round < REPEATS; round += 1) {
  diffs.push(await timed(() => git(repository.work, 'diff-tree', '-r', 'HEAD~1', 'HEAD')));
  noops.push(await timed(() => lookOnce()));
}
for (let round = 0; round < REPEATS; round += 1) {
  await repository.commit({ 'team-1/object-1.yaml': manifest(1, `${round}`) });
  changes.push(await timed(() => Promise.all([lookOnce(), stored(1, `${round}`)])));
  await new Promise((resolve) => setTimeout(resolve, 100));
}
report('no-op sync of 10,000 objects', median(noops), median(diffs));
report('one-file change to the store', median(changes), null);

/** One whole look with a fetch, as a poll or a webhook does it. */
async function lookOnce(): Promise<void> {
  await run({ application: 'symphony-system/root', reason: 'bench' }, signal);
}

await controller[Symbol.asyncDispose]();
await caches[Symbol.asyncDispose]();
await store[Symbol.asyncDispose]();
await repository[Symbol.asyncDispose]();
await rm(directory, { recursive: true, force: true });
