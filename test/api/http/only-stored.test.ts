/** Whatever way an object comes, its writer is told when nothing acts on it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { builtinKinds } from '../../../src/schemas/registry.ts';
import { formatApiVersion } from '../../../src/schemas/object.ts';
import { idleSamples } from '../../schemas/stored-samples.ts';
import { startTestHttp, type TestHttp } from '../test-http.ts';

let http: TestHttp;
beforeEach(async () => {
  http = await startTestHttp();
  await http.send('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } });
});
afterEach(async () => http[Symbol.asyncDispose]());

const kindOf = (apiVersion: string, kind: string) =>
  builtinKinds.find(
    (each) => each.kind === kind && formatApiVersion(each.group, each.version) === apiVersion,
  );

const idle = idleSamples
  .filter(({ apiVersion, kind }) => kindOf(apiVersion, kind)?.idle !== undefined)
  .map((object) => [object.kind, object] as const);

it('knows the kinds that are only stored', () => {
  expect(idle.map(([kind]) => kind)).toContain('IPAddress');
});

describe.each(idle)('a %s', (_name, sample) => {
  const object = { ...sample, metadata: { ...sample.metadata, namespace: undefined } };
  const kind = kindOf(object.apiVersion, object.kind);
  const base = kind?.group === '' ? '/api/v1' : `/apis/${object.apiVersion}`;
  const collection = `${base}${kind?.namespaced ? '/namespaces/default' : ''}/${kind?.plural ?? ''}`;
  const url = `${collection}/${object.metadata.name}`;

  it.each<[string, () => ReturnType<TestHttp['send']>]>([
    ['a create', () => http.send('POST', collection, object)],
    [
      'a server-side apply',
      () =>
        http.send('PATCH', `${url}?fieldManager=me`, object, { contentType: 'application/apply-patch+yaml' }),
    ],
    [
      'a replace',
      async () => {
        const { body } = await http.send('POST', collection, object);
        return http.send('PUT', url, body);
      },
    ],
    [
      'a patch',
      async () => {
        await http.send('POST', collection, object);
        const labels = { metadata: { labels: { a: 'b' } } };
        return http.send('PATCH', url, labels, { contentType: 'application/merge-patch+json' });
      },
    ],
    ['a dry run', () => http.send('POST', `${collection}?dryRun=All`, object)],
  ])('is told of by %s', async (_how, write) => {
    const answer = await write();
    expect([200, 201]).toContain(answer.code);
    expect(answer.warnings.join()).toContain('not implemented by Symphony');
  });
});

it('a resize tells that containers which run are left alone', async () => {
  const container = { name: 'c', image: 'i', resources: { requests: { cpu: '50m' } } };
  const pod = { metadata: { name: 'p' }, spec: { containers: [container] } };
  expect((await http.send('POST', '/api/v1/namespaces/default/pods', pod)).warnings).toEqual([]);
  const resources = { requests: { cpu: '100m' } };
  const { warnings } = await http.send(
    'PATCH',
    '/api/v1/namespaces/default/pods/p/resize',
    { spec: { containers: [{ name: 'c', resources }] } },
    { contentType: 'application/strategic-merge-patch+json' },
  );
  expect(warnings.join()).toContain('agents do not resize containers that run');
});

it('says nothing of kinds that something acts on', async () => {
  const map = { metadata: { name: 'a' }, data: { a: 'b' } };
  expect((await http.send('POST', '/api/v1/namespaces/default/configmaps', map)).warnings).toEqual([]);
});
