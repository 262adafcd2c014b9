/** A sync that is confined to a namespace does what its author may do there, and nothing else. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Author } from '../../../src/schemas/applications/application-author.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { RBAC_API_VERSION, RBAC_GROUP } from '../../../src/schemas/rbac.ts';
import type { BoundWriter, Write } from '../../../src/resources/writing/write-plan.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { startTestCore, type TestCore } from '../../api/test-api.ts';

let test: TestCore;
let writer: BoundWriter;
const author: Author = { name: 'dev', groups: ['system:authenticated'] };

const pod = (namespace = 'team'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'a', namespace },
  spec: { containers: [{ name: 'c', image: 'web:1' }] },
});

beforeEach(async () => {
  test = await startTestCore(createFakeClock(), ['team', 'other']);
  const rules = [
    { verbs: ['*'], apiGroups: [''], resources: ['pods'] },
    { verbs: ['patch', 'update'], apiGroups: [''], resources: ['configmaps'] },
  ];
  for (const namespace of ['team', 'other']) {
    const metadata = { name: 'dev', namespace };
    await test.objects.create({ apiVersion: RBAC_API_VERSION, kind: 'Role', metadata, rules });
    await test.objects.create({
      apiVersion: RBAC_API_VERSION,
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: RBAC_GROUP, kind: 'Role', name: 'dev' },
      subjects: [{ kind: 'User', apiGroup: RBAC_GROUP, name: 'dev' }],
    });
    await test.objects.create(pod(namespace));
  }
  writer = test.core.as({ user: { name: 'sync', groups: [] }, author, confinedTo: 'team' });
});
afterEach(() => test[Symbol.asyncDispose]());

const configMap: KubeObject = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'a', namespace: 'team' },
};
const cannot = (verb: string, resource: string): string =>
  `User "dev" cannot ${verb} resource "${resource}" in API group "" in the namespace "team"`;
const OUTSIDE = 'an Application in namespace "team" writes only in that namespace';

describe('a confined sync', () => {
  it('writes what its author may write', async () => {
    await test.objects.create(configMap);
    await writer.write({ writes: [{ verb: 'update', object: { ...configMap, data: { a: 'b' } } }] });
    expect((await test.store.get('configmaps', 'team/a'))?.['data']).toEqual({ a: 'b' });
  });

  it.each<[string, Write, string]>([
    ['binds', { verb: 'update', object: pod(), subresource: 'binding' }, cannot('create', 'pods/binding')],
    ['evicts', { verb: 'delete', object: pod(), subresource: 'eviction' }, cannot('create', 'pods/eviction')],
    ['reports', { verb: 'update', object: pod(), subresource: 'status' }, cannot('patch', 'pods/status')],
    ['creates', { verb: 'create', object: configMap }, cannot('create', 'configmaps')],
    [
      'creates by an update',
      { verb: 'update', object: configMap, create: () => configMap },
      cannot('create', 'configmaps'),
    ],
    ['leaves its namespace', { verb: 'delete', object: pod('other') }, OUTSIDE],
    [
      'writes for the whole cluster',
      { verb: 'update', object: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' } } },
      OUTSIDE,
    ],
  ])('is refused where it %s', async (_what, write, why) => {
    await expect(writer.write({ writes: [write] })).rejects.toMatchObject({
      code: 403,
      message: expect.stringContaining(why) as string,
    });
    expect(await writer.refusals([write])).toEqual([expect.stringContaining(why)]);
  });
});
