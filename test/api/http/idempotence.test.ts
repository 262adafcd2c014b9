/**
 * Saying the same again changes nothing: no new version, no event for anybody's watch. Of every
 * kind that is served.
 */
import { dump, load } from 'js-yaml';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { omit } from '../../../src/schemas/json-access.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { gatewaySamples } from '../../schemas/gateway-samples.ts';
import { storedSamples } from '../../schemas/stored-samples.ts';
import { kindNamed } from '../test-api.ts';
import { type HttpAnswer, startTestHttp, type TestHttp } from '../test-http.ts';

const workload = {
  selector: { matchLabels: { app: 'a' } },
  template: {
    metadata: { labels: { app: 'a' } },
    spec: { containers: [{ name: 'c', image: 'x:1', ports: [{ containerPort: 80 }] }] },
  },
};

const samples: readonly KubeObject[] = [
  ...storedSamples,
  ...gatewaySamples.filter(({ apiVersion, kind }) => apiVersion.endsWith('/v1') && kind !== 'ReferenceGrant'),
  { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'a', namespace: 'testns' }, spec: workload },
  { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name: 'a', namespace: 'testns' }, spec: workload },
  {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'a', namespace: 'testns' },
    spec: workload,
  },
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'a', namespace: 'testns' },
    spec: { ...workload.template.spec, automountServiceAccountToken: false },
  },
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'testns' }, data: { k: 'v' } },
  { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a', namespace: 'testns' }, stringData: { k: 'v' } },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'a', namespace: 'testns' },
    spec: { selector: { app: 'a' }, ports: [{ port: 80 }] },
  },
];

const pathOf = ({ apiVersion, kind: name, metadata }: KubeObject): string => {
  const { namespaced, plural } = kindNamed(name);
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  return `${root}${namespaced ? `/namespaces/${metadata.namespace}` : ''}/${plural}`;
};

let http: TestHttp;
beforeAll(async () => {
  http = await startTestHttp(['default', 'testns']);
  await http.core.objects.create({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'default', namespace: 'testns' },
  });
});
afterAll(() => http[Symbol.asyncDispose]());
afterEach(() => vi.useRealTimers());

/**
 * The record of owners has whole seconds: a request of the next second must not change it either.
 */
function nextSecond(): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 1000 });
}

const versionOf = ({ body }: HttpAnswer): unknown =>
  (body['metadata'] as { resourceVersion?: unknown }).resourceVersion;

describe.each(samples.map((sample) => [sample.kind, sample] as const))('%s', (_kind, sample) => {
  const one = `${pathOf(sample)}/a`;
  const yaml = { contentType: 'application/apply-patch+yaml' };

  it('is the same whether it is sent as JSON or as YAML', async () => {
    const [json, text] = [sample, dump(sample)];
    const dry = `${pathOf(sample)}?dryRun=All`;
    const fromJson = await http.send('POST', dry, json);
    const fromYaml = await http.send('POST', dry, text, { contentType: 'application/yaml' });
    expect([fromJson.code, fromYaml.code]).toEqual([201, 201]);
    const stable = ({ body }: HttpAnswer): unknown => {
      const metadata = body['metadata'] as Record<string, unknown>;
      expect([typeof metadata['uid'], typeof metadata['creationTimestamp']]).toEqual(['string', 'string']);
      // A dry run looks for addresses, too, and finds others each time.
      const spec = omit((body['spec'] ?? {}) as Record<string, unknown>, 'clusterIP', 'clusterIPs');
      return { ...body, metadata: omit(metadata, 'uid', 'creationTimestamp', 'managedFields'), spec };
    };
    expect(stable(fromYaml)).toEqual(stable(fromJson));
  });

  it('applied twice, put as it is and merged with itself stays at its version', async () => {
    const url = `${one}?fieldManager=test`;
    const first = await http.send('PATCH', url, dump(sample), yaml);
    expect(first.code).toBe(201);
    nextSecond();
    const again = await http.send('PATCH', url, dump(sample), yaml);
    expect([again.code, versionOf(again)]).toEqual([200, versionOf(first)]);
    const put = await http.send('PUT', one, first.body);
    expect([put.code, versionOf(put)]).toEqual([200, versionOf(first)]);
    const merged = await http.send('PATCH', one, first.body, { contentType: 'application/merge-patch+json' });
    expect([merged.code, versionOf(merged)]).toEqual([200, versionOf(first)]);
  });

  it('reads the same as JSON and as YAML', async () => {
    const json = await http.send('GET', one);
    const text = await http.send('GET', one, undefined, { accept: 'application/yaml' });
    expect(load(text.text)).toEqual(json.body);
  });
});
