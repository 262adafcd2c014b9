/** A secret's value reaches the store, and nothing that people or other systems read. */
import { expect, it } from 'vitest';
import type { Logger } from '../../src/base/logger.ts';
import { planChangeSet } from '../../src/diff/change-set.ts';
import { createDesiredSet } from '../../src/diff/desired-set.ts';
import { describeChanges, renderDiff } from '../../src/diff/render-diff.ts';
import { createCommitStatusPoster } from '../../src/sync/forge/commit-status-poster.ts';
import { createManifestParser } from '../../src/sync/render/parse-manifest-file.ts';
import { POLL_MS, createHarness } from './harness.ts';

const CANARY = 'canary-4711-value';
const ENCODED = Buffer.from(CANARY).toString('base64');
const secret = (fields: string): string => `apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n${fields}`;

it('the value of a secret is in no log, status, commit status, job, diff or error', async () => {
  const seen: string[] = [];
  const record = (...parts: unknown[]): void => void seen.push(JSON.stringify(parts));
  const logger: Logger = {
    trace: record,
    debug: record,
    info: record,
    warn: record,
    error: record,
    fatal: record,
    child: () => logger,
  } as never;
  const at = await createHarness({ logger });
  const poster = await createCommitStatusPoster({
    ...at,
    environment: 'default',
    logger,
    forge: { name: 'github', post: async (status) => record(status) },
  });
  await at.start();
  const versions = [
    secret(`stringData: {password: ${CANARY}}\n`),
    secret(`data: {password: ${ENCODED}}\n`),
    // Broken in ways whose messages quote the input.
    secret(`stringData: {password: ${CANARY}\n`),
    secret(`stringData: [${CANARY}]\n`),
    secret(`data: {password: "${CANARY}!"}\n`),
    secret(`immutable: ${CANARY}\ntype: Opaque\n`).replace(`immutable: ${CANARY}`, `data: ${CANARY}`),
    secret(`stringData: {"bad key ": ${CANARY}}\n`),
    secret(`immutable: true\nstringData: {password: ${CANARY}}\n`),
    secret(`immutable: true\nstringData: {password: ${CANARY}-changed}\n`),
  ];
  const parse = createManifestParser(at.registry, 'default');
  for (const text of versions) {
    at.repository.commit({ 's.yaml': text });
    await at.pass(POLL_MS * 1.2);
    record((await at.application())!.status);
    record((await at.store.list('events')).objects);
    record((await at.store.list('commitstatuses.symphony.dev')).objects);
    const { manifests, errors } = parse({ path: 's.yaml', bytes: Buffer.from(text) });
    record(errors);
    const live = await at.get('secrets', 'default/s');
    const options = {
      application: 'symphony-system/root',
      prune: true,
      allowEmpty: false,
      historyComplete: true,
      syncOptions: [],
      ignore: [],
    };
    for (const before of [undefined, live && { ...live, data: { password: 'b3RoZXI=' } }]) {
      const changes = planChangeSet(createDesiredSet(manifests), () => before, [], options);
      record(renderDiff(changes, { color: false }), describeChanges(changes));
    }
  }
  record(at.queues.added);
  const stored = (await at.get('secrets', 'default/s')) as { data?: Record<string, string> } | undefined;
  expect(stored?.data?.['password']).toBe(ENCODED);
  expect(seen.length).toBeGreaterThan(versions.length * 4);
  expect(seen.filter((text) => text.includes('canary-4711') || text.includes(ENCODED.slice(0, 12)))).toEqual(
    [],
  );
  await poster[Symbol.asyncDispose]();
  await at[Symbol.asyncDispose]();
});
