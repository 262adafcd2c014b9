import { describe, expect, it } from 'vitest';
import { createStorageFormat, plainFormat } from '../../../src/schemas/strategy/index.ts';
import { secretKind } from '../../../src/schemas/kinds/secret.ts';
import { createPayloadCodec, plainCodec } from '../../../src/store/redis/payload-codec.ts';
import { createStoredObjects } from '../../../src/store/redis/stored-objects.ts';
import { servedText } from '../../../src/store/written-text.ts';

const object = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 's', namespace: 'n', resourceVersion: '4' },
  data: { password: 'Y2FuYXJ5' },
};
const op = { type: 'create', resource: 'secrets', key: 'n/s', object } as const;
const stored = (storageVersion: number) =>
  createStoredObjects(
    createPayloadCodec(Buffer.alloc(32, 7)),
    createStorageFormat({
      byId: () => ({ ...secretKind, storageVersion, migrate: (old, from) => ({ ...old, from }) }),
    }),
  );

describe('a stored object', () => {
  it('is sealed, says its storage version in front, and comes back with its defaults', () => {
    const text = stored(3).encode(op, 0);
    expect(text).toMatch(/^s3:enc:1:/);
    expect(stored(3).decode('secrets', 'n/s', text, '5')).toEqual({
      ...object,
      type: 'Opaque',
      metadata: { ...object.metadata, resourceVersion: '5' },
    });
  });

  it('of version 1 looks as it always did, and is migrated by a later program', () => {
    const text = stored(1).encode(op, 0);
    expect(text).toMatch(/^enc:1:/);
    expect(stored(2).decode('secrets', 'n/s', text, '5')).toMatchObject({ from: 1, type: 'Opaque' });
  });

  it('is read as it is where a newer program stored it', () => {
    expect(stored(1).decode('secrets', 'n/s', stored(2).encode(op, 0), '5')).not.toHaveProperty('type');
  });

  it('is not parsed again by the process that wrote it as sound, and only while the text is the same', () => {
    const objects = stored(1);
    const spec = { data: { password: 'Y2FuYXJ5' } };
    const sound = { ...op, isSound: true, object: { ...object, ...spec, immutable: undefined } } as const;
    const text = objects.encode(sound, 0);
    const own = objects.written('secrets', 'n/s', text, '6');
    expect(own).toStrictEqual({ ...object, metadata: { ...object.metadata, resourceVersion: '6' } });
    expect(objects.written('secrets', 'n/s', `${text} `, '6')).toBeUndefined();
    expect(objects.written('secrets', 'n/other', text, '6')).toBeUndefined();
    // Reading fills in what nobody has filled in, such as the type of what an agent restored.
    const bare = objects.encode(op, 0);
    expect(objects.written('secrets', 'n/s', bare, '7')).toBeUndefined();
    expect(objects.decode('secrets', 'n/s', bare, '7')).toHaveProperty('type', 'Opaque');
  });

  it('is the very same for the answer to a commit and for the change log, and a new one at another version', () => {
    const objects = createStoredObjects(plainCodec, plainFormat);
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'n' }, spec: {} };
    const sound = { type: 'create', resource: 'pods', key: 'n/p', object: pod, isSound: true } as const;
    const text = objects.encode(sound, 0);
    const answered = objects.committed(sound, '6');
    expect(answered).toEqual({ ...pod, metadata: { ...pod.metadata, resourceVersion: '6' } });
    expect(objects.written('pods', 'n/p', text, '6')).toBe(answered);
    expect(servedText(answered)).toBeDefined();
    // Its deletion carries the last state.
    expect(objects.written('pods', 'n/p', text, '9')?.metadata.resourceVersion).toBe('9');
    expect(answered.metadata.resourceVersion).toBe('6');
    expect(servedText(answered)).toBeUndefined();
    // Another commit of the object was encoded before the answer to the first came.
    const next = { ...sound, object: { ...pod, spec: { nodeName: 'x' } } };
    objects.encode(next, 0);
    expect(objects.committed(sound, '6')).toEqual(answered);
  });

  it('is remembered for the last few thousand only', () => {
    const objects = createStoredObjects(plainCodec, plainFormat);
    const op = (index: number) => {
      const metadata = { name: `p${index}`, namespace: 'n' };
      const object = { apiVersion: 'v1', kind: 'Pod', metadata };
      return { type: 'create', resource: 'pods', key: `n/p${index}`, object, isSound: true } as const;
    };
    const first = op(0);
    const text = objects.encode(first, 0);
    const kept = objects.committed(first, '1');
    for (let index = 1; index <= 5_000; index += 1) objects.encode(op(index), 0);
    expect(objects.written('pods', 'n/p0', text, '1')).toBeUndefined();
    expect(servedText(kept)).toBeUndefined();
    expect(objects.written('pods', 'n/p5000', objects.encode(op(5_000), 0), '2')).toBeDefined();
  });

  it('is remembered whatever its size, until others together are too much', () => {
    const objects = stored(1);
    const remember = (key: string, chars: number): string =>
      objects.encode({ ...op, key, isSound: true, object: { ...object, data: { x: 'A'.repeat(chars) } } }, 0);
    const large = remember('n/large', 500_000);
    const isKnown = (): boolean => objects.written('secrets', 'n/large', large, '6') !== undefined;
    expect(isKnown()).toBe(true);
    for (let index = 0; index < 9; index += 1) remember('n/same', 900_000);
    expect(isKnown()).toBe(true);
    for (let index = 0; index < 20; index += 1) remember(`n/${String(index)}`, 900_000);
    expect(isKnown()).toBe(false);
  });

  it.each(['s2:{broken canary', 's2:', 's:{}', 's99999999999:{}', 'x2:{"canary":1}'])(
    'that is none is refused without a quotation: %s',
    (text) => {
      const read = (): unknown =>
        createStoredObjects(
          { encode: (_r, _k, json) => json, decode: (_r, _k, payload) => payload },
          createStorageFormat({ byId: () => undefined }),
        ).decode('configmaps', 'n/s', text, '5');
      expect(read).toThrow('Cannot use what is stored');
      expect(read).not.toThrow('canary');
    },
  );
});
