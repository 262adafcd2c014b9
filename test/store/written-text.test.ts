import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventBytes, itemBytes, objectBytes } from '../../src/api/http/object-json.ts';
import type { KubeObject } from '../../src/schemas/object.ts';
import { forgetText, rememberText, servedText, storedText } from '../../src/store/written-text.ts';

const versioned = (object: KubeObject, resourceVersion: string): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, resourceVersion },
});

const aPod = (name: string, parts: object): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, resourceVersion: '4', labels: { app: 'web' } },
  ...parts,
});

describe('the text of an object that is written', () => {
  it('says what its JSON says, without the version, whatever shares its parts', () => {
    const part = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown);
    const parts = fc.array(part, { minLength: 1, maxLength: 3 });
    const name = fc.oneof(fc.constantFrom('spec', 'status', 'kind', '__proto__', 'constructor'), fc.string());
    const records = fc.array(fc.array(fc.tuple(name, fc.nat(2)), { maxLength: 4 }), { maxLength: 6 });
    fc.assert(
      fc.property(parts, records, (shared, shapes) => {
        for (const shape of shapes) {
          const members = shape.map(([key, index]) => [key, shared[index % shared.length]]);
          const record: unknown = JSON.parse(JSON.stringify(Object.fromEntries(members)));
          const object = aPod('web', { spec: record, status: { ...(record as object) }, data: shared[0] });
          const { resourceVersion, ...metadata } = object.metadata;
          expect(resourceVersion).toBe('4');
          expect(JSON.parse(storedText(object))).toEqual({ ...object, metadata });
        }
      }),
    );
  });

  it('leaves out what is undefined', () => {
    const text = storedText(
      aPod('web', { spec: { nodeName: undefined, a: { b: undefined } }, status: undefined }),
    );
    expect(JSON.parse(text)).toEqual({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web', labels: { app: 'web' } },
      spec: { a: {} },
    });
  });

  it('is made once of the parts that objects of one template share', () => {
    let read = 0;
    const container = {
      name: 'main',
      get image() {
        read += 1;
        return 'web:1';
      },
    };
    const containers = [container];
    for (let index = 0; index < 50; index += 1)
      expect(storedText(aPod(`web-${index}`, { spec: { containers, nodeName: `n${index}` } }))).toContain(
        `"nodeName":"n${index}"`,
      );
    expect(read).toBe(1);
  });

  it('is served with the version that the object got, and made for it no second time', () => {
    const object = aPod('web', { spec: { nodeName: 'ü' } });
    const stored = storedText(object);
    let read = 0;
    const handedOut: KubeObject = versioned(
      {
        ...object,
        get spec() {
          read += 1;
          return object['spec'];
        },
      },
      '17',
    );
    read = 0;
    const bare = versioned(object, '17');
    rememberText(handedOut, stored);
    const line = eventBytes('ADDED', handedOut).toString();
    expect(line.endsWith('}\n')).toBe(true);
    expect(JSON.parse(line)).toEqual({ type: 'ADDED', object: bare });
    expect(JSON.parse(itemBytes(handedOut).toString())).toEqual({
      metadata: bare.metadata,
      spec: bare['spec'],
    });
    expect(JSON.parse(objectBytes(handedOut).toString())).toEqual(bare);
    expect(JSON.parse(eventBytes('ADDED', handedOut).toString())).toEqual({ type: 'ADDED', object: bare });
    expect(read).toBe(0);
  });

  it('is not served where it is sealed, older, or forgotten', () => {
    const object = versioned(aPod('web', {}), '17');
    for (const stored of ['enc:1:abc', 's2:{"metadata":{}}', '{"apiVersion":"v1","metadata":{}}']) {
      rememberText(object, stored);
      expect(servedText(object)).toBeUndefined();
    }
    rememberText(object, storedText(object));
    expect(servedText(object)).toBeDefined();
    forgetText(object);
    expect(servedText(object)).toBeUndefined();
  });
});
