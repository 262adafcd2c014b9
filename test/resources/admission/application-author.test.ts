/**
 * Writes of the sync worker and the controllers on Applications; requests are in
 * test/sync/authors.test.ts.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { SYNC_USER } from '../../../src/diff/tracking.ts';
import {
  AUTHOR_ANNOTATION,
  type Author,
  authorOf,
  authorText,
  systemAuthor,
} from '../../../src/schemas/applications/application-author.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { startTestCore, type TestCore } from '../../api/test-api.ts';
import { withVerbs } from '../../support/objects.ts';

let test: TestCore;
beforeEach(async () => {
  test = await startTestCore(systemClock, ['team']);
});
afterEach(() => test[Symbol.asyncDispose]());

const dev: Author = { name: 'dev', groups: ['team'] };
const master: Author = { name: 'root', groups: ['system:masters'] };
const application = (author: Author | undefined, path = 'a'): KubeObject => ({
  apiVersion: 'argoproj.io/v1alpha1',
  kind: 'Application',
  metadata: {
    name: 'shop',
    namespace: 'team',
    ...(author ? { annotations: { [AUTHOR_ANNOTATION]: authorText(author) } } : {}),
  },
  spec: { source: { repoURL: 'https://git.example/a.git', path }, destination: { namespace: 'team' } },
});
const syncOf = (author: Author) => withVerbs(test.core.as({ user: { name: SYNC_USER, groups: [] }, author }));
const nameOf = (object: KubeObject): string | undefined => authorOf(object)?.name;

describe('the sync of an Application that holds others', () => {
  it('makes children of its author, whatever the manifest says', async () => {
    expect(nameOf(await syncOf(dev).create(application(master)))).toBe('dev');
  });

  it('takes over by a change of the spec, and by its own record alone', async () => {
    await test.objects.create(application(master));
    expect(nameOf(await syncOf(dev).update(application(master, 'b')))).toBe('dev');
    expect(nameOf(await syncOf(systemAuthor).update(application(systemAuthor, 'b')))).toBe(systemAuthor.name);
  });

  it('adopts a child that has no author, as after an upgrade', async () => {
    await test.objects.create(application(undefined));
    expect(nameOf(await syncOf(systemAuthor).update(application(systemAuthor)))).toBe(systemAuthor.name);
  });

  it('writes no record but its own', async () => {
    await test.objects.create(application(dev));
    expect(nameOf(await syncOf(dev).update(application(master)))).toBe('dev');
    expect(nameOf(await syncOf(master).update(application(undefined)))).toBe('dev');
  });
});

describe('the record', () => {
  it('is left alone by controllers', async () => {
    await test.objects.create(application(dev));
    const controllers = withVerbs(
      test.core.as({ user: { name: 'system:kube-controller-manager', groups: [] } }),
    );
    const current = application(dev);
    const metadata = { ...current.metadata, finalizers: ['a.example/b'] };
    expect(nameOf(await controllers.update({ ...current, metadata }))).toBe('dev');
  });

  it.each([
    '',
    'x',
    '[]',
    '{"name":""}',
    '{"name":"a"}',
    '{"name":"a","groups":[1]}',
    '{"name":1,"groups":[]}',
  ])('says nothing as %j', (text) => {
    const object = application(undefined);
    const metadata = { ...object.metadata, annotations: { [AUTHOR_ANNOTATION]: text } };
    expect(authorOf({ ...object, metadata })).toBeUndefined();
  });
});
