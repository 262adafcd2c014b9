import {
  chmod,
  link,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Header, pack as newPack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packVolume } from '../../../src/node-agent/volumes/pack-volume.ts';
import { checkEmpty, unpackVolume } from '../../../src/node-agent/volumes/unpack-volume.ts';

let dir = '';
let from = '';
let to = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'symphony-archive-'));
  from = join(dir, 'from');
  to = join(dir, 'to');
  await Promise.all([mkdir(from), mkdir(to)]);
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const signal = new AbortController().signal;
const isRoot = process.getuid?.() === 0;
const copy = () => unpackVolume(to, packVolume(from, signal), isRoot);

async function* archive(
  ...entries: readonly (Partial<Header> & { readonly name: string; readonly text?: string })[]
) {
  const pack = newPack();
  for (const { text, ...header } of entries) pack.entry({ type: 'file', ...header }, text ?? '');
  pack.finalize();
  for await (const chunk of pack as unknown as AsyncIterable<Buffer>) yield chunk;
}

describe('a volume that is packed and unpacked', () => {
  it('keeps content, modes, times, symbolic and hard links', async () => {
    await mkdir(join(from, 'sub', 'deeper'), { recursive: true, mode: 0o750 });
    await writeFile(join(from, 'sub', 'file'), 'text');
    await chmod(join(from, 'sub', 'file'), 0o4640);
    await utimes(join(from, 'sub', 'file'), 1_000_000_000, 1_000_000_000);
    await link(join(from, 'sub', 'file'), join(from, 'twin'));
    await symlink('/etc/passwd', join(from, 'out'));
    await writeFile(join(from, 'empty'), '');
    await writeFile(join(from, `${'long-name-'.repeat(20)}ü`), 'long');
    const result = await copy();
    expect(result.bytes).toBe(8);
    expect(await readFile(join(to, 'sub', 'file'), 'utf8')).toBe('text');
    const found = await stat(join(to, 'sub', 'file'));
    expect([found.mode & 0o7777, found.mtimeMs, found.nlink]).toEqual([0o4640, 1e12, 2]);
    expect((await stat(join(to, 'twin'))).ino).toBe(found.ino);
    expect(await readlink(join(to, 'out'))).toBe('/etc/passwd');
    expect((await readdir(to)).sort()).toEqual((await readdir(from)).sort());
  });

  it('holds a bounded number of levels open', async () => {
    await mkdir(join(from, 'd/'.repeat(500)), { recursive: true });
    const whole = async (): Promise<void> => {
      for await (const chunk of packVolume(from, signal)) expect(chunk).toBeDefined();
    };
    await expect(whole()).rejects.toThrow('more than 500 levels of directories');
  });

  it('keeps large files, with their holes', async () => {
    const file = await open(join(from, 'sparse'), 'w');
    await file.write(Buffer.from('begin'), 0, 5, 0);
    await file.write(Buffer.from('end'), 0, 3, 5_000_000);
    await file.close();
    await copy();
    const restored = await readFile(join(to, 'sparse'));
    expect(restored.equals(await readFile(join(from, 'sparse')))).toBe(true);
    expect((await stat(join(to, 'sparse'))).blocks * 512).toBeLessThan(1_000_000);
  });

  it.runIf(isRoot)('keeps owners, and those that do not fit the format', async () => {
    for (const [name, id] of [
      ['small', 1_234],
      ['large', 4_000_000_000],
    ] as const) {
      await writeFile(join(from, name), '');
      const { lchown } = await import('node:fs/promises');
      await lchown(join(from, name), id, id);
    }
    await copy();
    for (const [name, id] of [
      ['small', 1_234],
      ['large', 4_000_000_000],
    ] as const) {
      const { uid, gid } = await stat(join(to, name));
      expect([uid, gid]).toEqual([id, id]);
    }
  });
});

describe('a restore', () => {
  it('refuses a volume with data, and no other', async () => {
    await mkdir(join(to, 'lost+found'));
    await checkEmpty(to);
    await writeFile(join(to, 'data'), '');
    await expect(checkEmpty(to)).rejects.toThrow('the volume is not empty (it has "data")');
  });

  it('replaces what was there', async () => {
    await writeFile(join(to, 'old'), 'old');
    await writeFile(join(from, 'new'), 'new');
    await copy();
    expect(await readdir(to)).toEqual(['new']);
  });

  it.each([
    ['climbs', [{ name: 'a/../../x' }], '"a/../../x" leads out of the volume'],
    ['is absolute', [{ name: '/etc/x' }], '"/etc/x" leads out of the volume'],
    [
      'links to a file outside',
      [{ name: 'x', type: 'link', linkname: '../outside' }],
      'leads out of the volume',
    ],
    ['is a device', [{ name: 'x', type: 'block-device' }], '"x" is a block-device and is not restored'],
    ['is a pipe', [{ name: 'x', type: 'fifo' }], '"x" is a fifo and is not restored'],
    ['is too deep', [{ name: 'd/'.repeat(501) + 'x' }], 'has more than 500 levels of directories'],
    [
      'goes through a link',
      [
        { name: 'l', type: 'symlink', linkname: '..' },
        { name: 'l/x', text: 'x' },
      ],
      'an entry goes through "l"',
    ],
  ] as const)('of an entry that %s keeps the old data', async (_what, entries, message) => {
    await writeFile(join(to, 'old'), 'old');
    await writeFile(join(dir, 'outside'), 'secret');
    const archived = archive({ name: 'first', text: 'first' }, ...(entries as never as { name: string }[]));
    await expect(unpackVolume(to, archived, isRoot)).rejects.toThrow(message);
    expect(await readdir(to)).toEqual(['old']);
    expect((await readdir(dir)).sort()).toEqual(['from', 'outside', 'to']);
    expect((await lstat(join(dir, 'outside'))).nlink).toBe(1);
  });

  it('of a stream that is cut, or no archive, keeps the old data', async () => {
    await writeFile(join(to, 'old'), 'old');
    await writeFile(join(from, 'big'), Buffer.alloc(1_000_000, 7));
    async function* cut() {
      for await (const chunk of packVolume(from, signal)) {
        yield chunk.subarray(0, 1_000);
        throw new Error('the stream was cut off before its end');
      }
    }
    async function* short() {
      for await (const chunk of packVolume(from, signal))
        yield chunk.length > 1_000 ? chunk.subarray(0, 700) : chunk;
    }
    async function* noise() {
      yield Buffer.alloc(10_240, 'no archive');
    }
    async function* nothing() {}
    for (const source of [cut, short, noise, nothing]) {
      await expect(unpackVolume(to, source() as AsyncIterable<Buffer>, isRoot)).rejects.toThrow();
      expect(await readdir(to)).toEqual(['old']);
    }
  });

  it('that was broken off between its two moves gets its old data back', async () => {
    await mkdir(join(to, '.symphony-replaced'));
    await writeFile(join(to, '.symphony-replaced', 'old'), 'old');
    await mkdir(join(to, '.symphony-restore'));
    await writeFile(join(to, '.symphony-restore', 'new'), 'new');
    await expect(unpackVolume(to, archive({ name: '/no' }), isRoot)).rejects.toThrow();
    expect(await readdir(to)).toEqual(['old']);
  });
});
