import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { negotiate, negotiateDiscovery, PROTOBUF } from '../../../src/api/http/negotiation.ts';
import { acceptsGzip } from '../../../src/api/http/send-answer.ts';
import { decodeObject, encodeObject } from '../../../src/api/protobuf/index.ts';
import { isStatusError } from '../../../src/schemas/errors/status.ts';
import { startTestHttp, type TestHttp } from '../test-http.ts';

const has = (): boolean => true;

/** A message has no field that is empty. */
const withoutEmpty = (_: string, value: unknown): unknown => (value === '' ? undefined : value);

function refusal(accept: string): { code: number; message: string | undefined } {
  try {
    negotiate(accept, has);
  } catch (error) {
    if (isStatusError(error)) return { code: error.code, message: error.status.message };
  }
  return { code: 200, message: undefined };
}

describe('the form of an answer', () => {
  it.each([
    [undefined, 'json'],
    ['', 'json'],
    ['*/*', 'json'],
    ['application/*', 'json'],
    ['application/json;stream=watch', 'json'],
    ['application/yaml', 'yaml'],
    ['application/json;q=0.5, application/yaml', 'yaml'],
    ['text/html, */*;q=0.1', 'json'],
    ['application/json;q=0, application/yaml;q=0.1', 'yaml'],
    [PROTOBUF, 'protobuf'],
    [`${PROTOBUF}, application/json`, 'json'],
    [`${PROTOBUF}, */*`, 'json'],
  ] as const)('%s is answered in %s', (accept, encoding) => {
    expect(negotiate(accept, has)).toEqual({ encoding, transform: undefined });
  });

  it('is a table in the version that was asked for first', () => {
    const kubectl =
      'application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json';
    expect(negotiate(kubectl)).toEqual({ encoding: 'json', transform: 'Table' });
    expect(negotiate('application/json;as=Table;g=meta.k8s.io;v=v1beta1')).toEqual({
      encoding: 'json',
      transform: 'Table',
      transformVersion: 'v1beta1',
    });
  });

  it('is plain where the transform is not known but plain JSON is taken too', () => {
    expect(negotiate('application/json;as=Nope;g=meta.k8s.io;v=v1, application/json')).toEqual({
      encoding: 'json',
      transform: undefined,
    });
  });

  it('is no table of what is only an answer to a question', () => {
    const table = 'application/json;as=Table;v=v1;g=meta.k8s.io';
    expect(() => negotiate(table, () => true, false)).toThrow(/only the following media types are accepted/);
    expect(negotiate(`${table},application/json`, () => true, false).transform).toBeUndefined();
    const metadata = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io';
    expect(negotiate(metadata, () => true, false).transform).toBe('PartialObjectMetadata');
  });

  it('is refused by the texts of Kubernetes', () => {
    const all = 'application/json, application/yaml, application/vnd.kubernetes.protobuf';
    expect(refusal('text/html')).toEqual({
      code: 406,
      message: `406: Not Acceptable\n\nAvailable representations: ${all}, application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch`,
    });
    const onlyThese = `only the following media types are accepted: ${all}`;
    expect(refusal('application/json;as=Nope;v=v1;g=meta.k8s.io')).toEqual({ code: 406, message: onlyThese });
    expect(refusal(`${PROTOBUF};as=Table;v=v1;g=meta.k8s.io`)).toEqual({ code: 406, message: onlyThese });
  });

  it('is no protobuf for a kind that has none', () => {
    expect(() => negotiate(PROTOBUF)).toThrow(
      'only the following media types are accepted: application/json, application/yaml',
    );
  });

  it('is aggregated discovery only where it is asked for by name, in the one version that there is', () => {
    const aggregated = (v: string): string =>
      `application/json;g=apidiscovery.k8s.io;v=${v};as=APIGroupDiscoveryList`;
    const plain = { encoding: 'json', aggregated: false };
    expect(negotiateDiscovery('application/json', true)).toEqual(plain);
    expect(negotiateDiscovery(`${aggregated('v2')},application/json`, true)).toEqual({
      ...plain,
      aggregated: true,
    });
    expect(negotiateDiscovery(`${aggregated('v2beta1')},application/json`, true)).toEqual(plain);
    expect(() => negotiateDiscovery(aggregated('v2beta1'), true)).toThrow(/only the following media types/);
    expect(() => negotiateDiscovery(aggregated('v2'), false)).toThrow(/only the following media types/);
  });

  it('is compressed only for who takes gzip', () => {
    expect(acceptsGzip(undefined)).toBe(false);
    expect(acceptsGzip('br')).toBe(false);
    expect(acceptsGzip('gzip;q=0')).toBe(false);
    expect(acceptsGzip('br, gzip')).toBe(true);
    expect(acceptsGzip('*')).toBe(true);
  });
});

describe('forms over HTTP', () => {
  let http: TestHttp;
  const path = '/api/v1/namespaces/default/configmaps';
  const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { b: 'c' } };
  beforeAll(async () => {
    http = await startTestHttp();
    await http.send('POST', path, configMap);
  });
  afterAll(() => http[Symbol.asyncDispose]());

  it('partial objects and tables carry the version that was asked for', async () => {
    const partial = await http.send('GET', path, undefined, {
      accept: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1beta1',
    });
    expect(partial.body).toMatchObject({
      kind: 'PartialObjectMetadataList',
      apiVersion: 'meta.k8s.io/v1beta1',
      items: [{ apiVersion: 'meta.k8s.io/v1beta1' }],
    });
    const table = await http.send('GET', `${path}/a`, undefined, {
      accept: 'application/json;as=Table;g=meta.k8s.io;v=v1beta1',
    });
    expect(table.body).toMatchObject({ kind: 'Table', apiVersion: 'meta.k8s.io/v1beta1' });
  });

  it.each(['/api', '/apis', '/apis/apps', '/apis/apps/v1', '/api/v1'])(
    'the discovery document %s is the same in protobuf',
    async (document) => {
      const answer = await http.send('GET', document, undefined, { accept: PROTOBUF });
      expect(answer.contentType).toBe(PROTOBUF);
      const { body } = await http.send('GET', document);
      expect(decodeObject(answer.bytes)).toEqual({ result: 'object', value: { apiVersion: 'v1', ...body } });
    },
  );

  it('aggregated discovery is the same in protobuf', async () => {
    const form = 'g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
    const answer = await http.send('GET', '/apis', undefined, { accept: `${PROTOBUF};${form}` });
    expect(answer.contentType).toBe(`${PROTOBUF};${form}`);
    const { body } = await http.send('GET', '/apis', undefined, { accept: `application/json;${form}` });
    const decoded = decodeObject(answer.bytes);
    expect(decoded).toEqual({
      result: 'object',
      value: JSON.parse(JSON.stringify(body, withoutEmpty)) as unknown,
    });
  });

  it('errors come in the form that is asked for, and in JSON to who takes none of ours', async () => {
    const missing = `${path}/missing`;
    const { body } = await http.send('GET', missing);
    const answer = await http.send('GET', missing, undefined, { accept: PROTOBUF });
    expect(answer).toMatchObject({ code: 404, contentType: PROTOBUF });
    expect(decodeObject(answer.bytes)).toEqual({ result: 'object', value: body });
    const yaml = await http.send('GET', missing, undefined, { accept: 'application/yaml' });
    expect(yaml.text).toContain('reason: NotFound');
    const html = await http.send('GET', missing, undefined, { accept: 'text/html' });
    expect(html).toMatchObject({ code: 406, body: { kind: 'Status' } });
    const deleted = await http.send('DELETE', `${path}/a?dryRun=All`, undefined, { accept: PROTOBUF });
    expect(decodeObject(deleted.bytes)).toMatchObject({ value: { kind: 'Status', status: 'Success' } });
  });

  it('protobuf comes in and goes out as the same object', async () => {
    const body = encodeObject({ ...configMap, metadata: { name: 'binary' } });
    const made = await http.send('POST', path, body, { contentType: PROTOBUF });
    expect(made).toMatchObject({ code: 201, body: { metadata: { name: 'binary' }, data: { b: 'c' } } });
    for (const asked of [path, `${path}/binary`]) {
      const answer = await http.send('GET', asked, undefined, { accept: PROTOBUF });
      expect(answer.code).toBe(200);
      expect(answer.text.startsWith('k8s\0')).toBe(true);
    }
    const other = '/apis/argoproj.io/v1alpha1/namespaces/default/applications';
    expect((await http.send('GET', other, undefined, { accept: PROTOBUF })).code).toBe(406);
  });

  it('a body of an unknown type is refused with 415', async () => {
    const answer = await http.send('POST', path, 'x', { contentType: 'text/plain' });
    expect(answer.body).toMatchObject({
      code: 415,
      reason: 'UnsupportedMediaType',
      message:
        'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf',
    });
  });
});
