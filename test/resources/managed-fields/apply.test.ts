import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { kindNamed, plainWrite, startTestCore, type TestCore } from '../../api/test-api.ts';

const ref = { kind: kindNamed('ConfigMap'), namespace: 'default', name: 'a' };
const web = { kind: kindNamed('Deployment'), namespace: 'default', name: 'web' };

let test: TestCore;
beforeEach(async () => {
  test = await startTestCore(systemClock);
});
afterEach(() => test[Symbol.asyncDispose]());

async function apply(manager: string, data: unknown, force = false): Promise<KubeObject> {
  const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data };
  const options = { ...plainWrite, fieldManager: manager };
  return (await test.core.patch(ref, { format: 'apply', body, force }, options, test.context)).object;
}

async function update(manager: string, data: unknown): Promise<KubeObject> {
  const options = { ...plainWrite, fieldManager: manager };
  return (await test.core.patch(ref, { format: 'merge', body: { data } }, options, test.context)).object;
}

const owners = (object: KubeObject): unknown =>
  (object.metadata.managedFields ?? []).map((entry) => {
    const { manager, operation, fieldsV1 } = entry as Record<string, unknown>;
    return [manager, operation, Object.keys((fieldsV1 as { 'f:data'?: object })['f:data'] ?? {})];
  });

describe('server-side apply', () => {
  it('takes away what its manager no longer says, and nothing of others', async () => {
    await apply('m1', { k: 'v', j: 'w' });
    await update('hand', { x: 'y' });
    const after = await apply('m1', { k: 'v' });
    expect(after['data']).toEqual({ k: 'v', x: 'y' });
    expect(owners(after)).toEqual([
      ['m1', 'Apply', ['f:k']],
      ['hand', 'Update', ['f:x']],
    ]);
  });

  it('leaves what two managers say until both have given it up', async () => {
    await apply('m1', { k: 'v' });
    await apply('m2', { k: 'v' });
    expect((await apply('m1', {}))['data']).toEqual({ k: 'v' });
    expect((await apply('m2', {}))['data'] ?? {}).toEqual({});
  });

  it('refuses to change what another owns, and takes it over with force', async () => {
    await apply('m1', { k: 'v', j: 'w' });
    await expect(apply('m2', { k: 'x' })).rejects.toMatchObject({
      code: 409,
      message: 'Apply failed with 1 conflict: conflict with "m1": .data.k',
    });
    const forced = await apply('m2', { k: 'x' }, true);
    expect(owners(forced)).toEqual([
      ['m1', 'Apply', ['f:j']],
      ['m2', 'Apply', ['f:k']],
    ]);
  });

  it('does nothing the second time', async () => {
    const first = await apply('m1', { k: 'v' });
    expect(await apply('m1', { k: 'v' })).toEqual(first);
  });

  it('removes one item of a list by its key and keeps those of others', async () => {
    const template = (...names: string[]): unknown => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web' },
      spec: {
        selector: { matchLabels: { app: 'web' } },
        template: {
          metadata: { labels: { app: 'web' } },
          spec: { containers: names.map((name) => ({ name, image: `${name}:1` })) },
        },
      },
    });
    const as = async (manager: string, body: unknown): Promise<KubeObject> => {
      const options = { ...plainWrite, fieldManager: manager };
      return (await test.core.patch(web, { format: 'apply', body }, options, test.context)).object;
    };
    await as('m1', template('a', 'b'));
    await as('m2', template('c'));
    const after = await as('m1', template('a'));
    const { containers } = (after['spec'] as { template: { spec: { containers: { name: string }[] } } })
      .template.spec;
    expect(containers.map(({ name }) => name)).toEqual(['a', 'c']);
  });

  it('names the field that the kind does not have', async () => {
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, dato: {} };
    const options = { ...plainWrite, fieldManager: 'm1' };
    await expect(test.core.patch(ref, { format: 'apply', body }, options, test.context)).rejects.toThrow(
      '.dato: field not declared in schema',
    );
  });

  it('is not recorded by a dry run', async () => {
    const first = await apply('m1', { k: 'v' });
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { k: 'x' } };
    const options = { ...plainWrite, fieldManager: 'm1', dryRun: true };
    const dry = await test.core.patch(ref, { format: 'apply', body }, options, test.context);
    expect(dry.object['data']).toEqual({ k: 'x' });
    expect(await test.core.get(ref)).toEqual(first);
  });
});
