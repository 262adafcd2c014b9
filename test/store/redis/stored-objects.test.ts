import { describe, expect, it } from 'vitest';
import { createStorageFormat } from '../../../src/schemas/strategy/index.ts';
import { secretKind } from '../../../src/schemas/kinds/secret.ts';
import { createPayloadCodec } from '../../../src/store/redis/payload-codec.ts';
import { createStoredObjects } from '../../../src/store/redis/stored-objects.ts';

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
