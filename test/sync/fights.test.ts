/** Two writers of one object come to rest: noticed by repetition, slowed down, and shown. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ConfigMap } from '../../src/schemas/types.ts';
import { type Harness, POLL_MS, configMap, createHarness } from './harness.ts';

let at: Harness;
beforeEach(async () => {
  at = await createHarness();
});
afterEach(async () => at[Symbol.asyncDispose]());

const live = async (): Promise<ConfigMap | undefined> => await at.get('configmaps', 'default/a');
const conditions = async (): Promise<string> =>
  JSON.stringify((await at.application())!.status!['conditions']);

/** A writer that changes the object as soon as Git has put it back; counts how often. */
function contend(write: (object: ConfigMap) => Promise<unknown>, isHealed: (object: ConfigMap) => boolean) {
  let count = 0;
  const act = async (): Promise<void> => {
    const object = await live();
    if (!object || !isHealed(object)) return;
    count += 1;
    await write(object);
  };
  return {
    count: () => count,
    async during(ms: number): Promise<void> {
      for (let passed = 0; passed < ms; passed += 1_000) {
        await act();
        await at.pass(1_000);
      }
    },
  };
}

describe('a fight of two writers', () => {
  it('over a field is slowed down and named, and ends when the other gives up', async () => {
    at.repository.commit({ 'a.yaml': configMap('a', { x: '1' }), 'b.yaml': configMap('b', { x: '1' }) });
    await at.start();
    await at.pass();
    const other = contend(
      (object) => at.objects.update({ ...object, data: { x: 'theirs' } }),
      (object) => object.data?.['x'] === '1',
    );
    await other.during(120_000);
    // Without a brake, the field would have been put back every second.
    expect(other.count()).toBeGreaterThan(5);
    expect(other.count()).toBeLessThan(15);
    expect(await conditions()).toContain('ConflictingWriterWarning');
    expect(await conditions()).toContain('ConfigMap default/a: field data.x (written by a controller');
    expect((await at.application())!.status).toMatchObject({ sync: { status: 'OutOfSync' } });
    await at.pass(5 * 60_000);
    expect((await live())?.data).toEqual({ x: '1' });
    await at.pass(10 * 60_000);
    await at.pass(POLL_MS * 2);
    expect(await conditions()).toBe('[]');
    expect((await at.application())!.status).toMatchObject({
      sync: { status: 'Synced' },
      operationState: { phase: 'Succeeded' },
    });
  });

  it('over an object that somebody deletes is slowed down', async () => {
    at.repository.commit({ 'a.yaml': configMap('a', { x: '1' }) });
    await at.start();
    await at.pass();
    const kind = at.registry.byKind('v1', 'ConfigMap')!;
    const other = contend(
      () => at.objects.delete(kind, 'default/a'),
      () => true,
    );
    await other.during(120_000);
    expect(other.count()).toBeLessThan(15);
    expect(await conditions()).toContain('somebody deletes');
  });

  it('does not hold up a commit that says something else, nor other objects, nor a requested sync', async () => {
    at.repository.commit({ 'a.yaml': configMap('a', { x: '1' }), 'b.yaml': configMap('b', { x: '1' }) });
    await at.start();
    await at.pass();
    const other = contend(
      (object) => at.objects.update({ ...object, data: { x: 'theirs' } }),
      (object) => object.data?.['x'] === '1',
    );
    await other.during(60_000);
    expect((await live())?.data).toEqual({ x: 'theirs' });
    const application = (await at.application())!;
    await at.objects.update({ ...application, operation: { sync: {} } });
    await at.pass(1_000);
    expect((await live())?.data).toEqual({ x: '1' });
    await other.during(30_000);
    at.repository.commit({ 'a.yaml': configMap('a', { x: '2' }), 'b.yaml': configMap('b', { x: '2' }) });
    await at.pass(POLL_MS * 1.2);
    expect((await live())?.data).toEqual({ x: '2' });
    expect(((await at.get('configmaps', 'default/b')) as ConfigMap).data).toEqual({ x: '2' });
  });

  it('does not begin anew with each commit that leaves the object as it is', async () => {
    const other = (text: string): string => `---\n${configMap('b', { x: text })}`;
    const file = (text: string) => ({ 'a.yaml': configMap('a', { x: '1' }) + other(text) });
    at.repository.commit(file('0'));
    await at.start();
    await at.pass();
    const writer = contend(
      (object) => at.objects.update({ ...object, data: { x: 'theirs' } }),
      (object) => object.data?.['x'] === '1',
    );
    for (let round = 1; round <= 6; round += 1) {
      at.repository.commit(file(String(round)));
      await writer.during(POLL_MS * 1.2);
    }
    expect(writer.count()).toBeLessThan(15);
    expect(((await at.get('configmaps', 'default/b')) as ConfigMap).data).toEqual({ x: '6' });
  });

  it('names who wrote the field by the record of managers', async () => {
    at.repository.commit({ 'a.yaml': configMap('a', { x: '1' }) });
    await at.start();
    await at.pass();
    const record = (manager: string, time: string, fieldsV1: object) => ({
      manager,
      operation: 'Update',
      apiVersion: 'v1',
      time,
      fieldsType: 'FieldsV1',
      fieldsV1,
    });
    const other = contend(
      (object) =>
        at.objects.update({
          ...object,
          data: { x: 'theirs' },
          metadata: {
            ...object.metadata,
            managedFields: [
              record('labeller', '2026-01-02T00:00:00Z', { 'f:metadata': { 'f:labels': { 'f:a': {} } } }),
              record('old', '2025-01-01T00:00:00Z', { 'f:data': { 'f:x': {} } }),
              record('autoscaler', '2026-01-01T00:00:00Z', { 'f:data': { '.': {}, 'f:x': {} } }),
            ],
          },
        }),
      (object) => object.data?.['x'] === '1',
    );
    await other.during(60_000);
    expect(await conditions()).toContain('written by autoscaler');
  });
});
