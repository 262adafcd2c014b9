import { expect, it } from 'vitest';
import { listBytes, objectBytes } from '../../../src/api/http/object-json.ts';
import { startTestHttp } from '../test-http.ts';

const configMap = (name: string): unknown => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data: { text: 'ü'.repeat(500) },
});

it('a long list goes out in parts and reads like a short one', async () => {
  const http = await startTestHttp();
  const path = '/api/v1/namespaces/default/configmaps';
  const names = Array.from({ length: 250 }, (_, index) => `c${String(index).padStart(3, '0')}`);
  for (const name of names) await http.send('POST', path, configMap(name));
  const plain = await http.send('GET', path);
  const items = plain.body['items'] as { metadata: { name: string }; kind?: string }[];
  expect(items.map(({ metadata }) => metadata.name)).toEqual(names);
  expect(items[0]?.kind).toBeUndefined();
  const page = await http.send('GET', `${path}?limit=250`);
  expect(page.body['items']).toEqual(items);
  const yaml = await http.send('GET', path, undefined, { accept: 'application/yaml' });
  expect(yaml.text).toContain('kind: ConfigMapList');
  await http[Symbol.asyncDispose]();
});

it('parts are of bounded size, and are made when they are asked for', () => {
  let encoded = 0;
  const objects = Array.from({ length: 1_000 }, (_, index) => {
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `c${index}` } };
    const data = { text: 'x'.repeat(1_000) };
    Object.defineProperty(object, 'data', {
      enumerable: true,
      get() {
        encoded += 1;
        return data;
      },
    });
    return object;
  });
  const parts = listBytes({ kind: 'ConfigMapList', metadata: {} }, objects);
  const first = parts.next().value as Buffer;
  expect(first.length).toBeLessThan(140 * 1024);
  expect(encoded).toBeLessThan(200);
  const text = Buffer.concat([first, ...parts]).toString('utf8');
  expect((JSON.parse(text) as { items: unknown[] }).items).toHaveLength(1_000);
  expect(encoded).toBe(1_000);
});

it('an object begins with its kind and version', () => {
  const object = { metadata: { name: 'é' }, spec: {}, apiVersion: 'v1', kind: 'Pod' };
  expect(objectBytes(object).toString('utf8')).toBe(
    '{"kind":"Pod","apiVersion":"v1","metadata":{"name":"é"},"spec":{}}',
  );
});
