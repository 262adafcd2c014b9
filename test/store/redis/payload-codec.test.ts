import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  createPayloadCodec,
  loadOrCreateKey,
  plainCodec,
  UnknownKey,
} from '../../../src/store/redis/payload-codec.ts';

const codec = createPayloadCodec(Buffer.alloc(32, 1));

it('gives back every text that it sealed, and hides it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (text, key) => {
      const json = JSON.stringify(text);
      const sealed = codec.encode('secrets', key, json);
      return sealed.startsWith('enc:1:') && codec.decode('secrets', key, sealed) === json;
    }),
  );
});

it('seals the same text differently every time', () => {
  expect(codec.encode('secrets', 'a', '{}')).not.toBe(codec.encode('secrets', 'a', '{}'));
});

it('leaves other resources as they are', () => {
  expect(codec.encode('pods', 'a', '{}')).toBe('{}');
  expect(codec.decode('pods', 'a', '{}')).toBe('{}');
});

it('refuses what was moved, changed, not sealed, or sealed with another key', () => {
  const sealed = codec.encode('secrets', 'default/a', '{"n":1}');
  expect(() => codec.decode('secrets', 'default/b', sealed)).toThrow();
  const flipped = sealed.slice(0, -6) + (sealed.at(-6) === 'A' ? 'B' : 'A') + sealed.slice(-5);
  expect(() => codec.decode('secrets', 'default/a', flipped)).toThrow();
  expect(() => codec.decode('secrets', 'default/a', '{"n":1}')).toThrow('not encrypted');
  const other = createPayloadCodec(Buffer.alloc(32, 2));
  expect(() => other.decode('secrets', 'default/a', sealed)).toThrow(UnknownKey);
  expect(() => plainCodec.decode('secrets', 'default/a', sealed)).toThrow(UnknownKey);
});

it('makes the key file once, for its owner only', async () => {
  const root = await mkdtemp(join(tmpdir(), 'symphony-key-'));
  const path = join(root, 'data', 'secret.key');
  const keys = await Promise.all([loadOrCreateKey(path), loadOrCreateKey(path), loadOrCreateKey(path)]);
  expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(1);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await loadOrCreateKey(path)).toEqual(keys[0]);
  await rm(root, { recursive: true });
});
