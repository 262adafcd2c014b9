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
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Header, pack as newPack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/base/logger.ts';
import { packVolume } from '../../../src/node-agent/volumes/pack-volume.ts';
import { settleVolume } from '../../../src/node-agent/volumes/restore-places.ts';
import { checkEmpty, unpackVolume } from '../../../src/node-agent/volumes/unpack-volume.ts';
import { createVolumeDirectories } from '../../../src/node-agent/volumes/volume-directories.ts';
import { aLocalVolume } from '../../support/volumes.ts';

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
    expect((await stat(join(to, 'sparse'))).blocks * 512).toBeLessThan(20_000);
  });

  it('keeps holes whatever pieces the archive comes in', async () => {
    await (await open(join(from, 'sparse'), 'w')).close();
    await truncate(join(from, 'sparse'), 5_000_000);
    async function* pieces() {
      for await (const chunk of packVolume(from, signal))
        for (let at = 0; at < chunk.length; at += 5_001) yield chunk.subarray(at, at + 5_001);
    }
    await unpackVolume(to, pieces(), isRoot);
    const { size, blocks } = await stat(join(to, 'sparse'));
    expect([size, blocks]).toEqual([5_000_000, 0]);
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
      'links to nothing',
      [{ name: 'x', type: 'link', linkname: 'later' }],
      /^"x -> later": no such file or directory$/,
    ],
    [
      'replaces a directory',
      [{ name: 'd/x' }, { name: 'd', text: 'file' }],
      /^"d": (is a directory|operation not permitted)$/,
    ],
    ['has a name that is too long', [{ name: 'n'.repeat(300) }], /^"n{100}…": file name too long$/],
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

  it('of an archive that is cut between two entries keeps the old data', async () => {
    await writeFile(join(to, 'old'), 'old');
    const chunks: Buffer[] = [];
    for await (const chunk of archive(
      { name: 'first', text: 'first' },
      { name: 'n'.repeat(200), text: 'long' },
      { name: 'zeros', text: '\0'.repeat(4_096) },
      { name: 'last', text: 'last' },
    ))
      chunks.push(chunk);
    const whole = Buffer.concat(chunks);
    async function* cutAt(length: number) {
      yield whole.subarray(0, length);
    }
    const end = whole.length - 1_024;
    for (let length = 0; length <= end; length += 512) {
      await expect(unpackVolume(to, cutAt(length), isRoot), `cut at ${length}`).rejects.toThrow();
      expect(await readdir(to)).toEqual(['old']);
    }
    await expect(unpackVolume(to, cutAt(end), isRoot)).rejects.toThrow('cut off after 4 entries');
    // One block of zeros is an end for tar, too.
    await unpackVolume(to, cutAt(end + 512), isRoot);
    expect(await readdir(to)).toHaveLength(4);
  });

  describe('that ended with its process', () => {
    const put = async (files: Readonly<Record<string, string>>): Promise<void> => {
      for (const [path, text] of Object.entries(files)) {
        await mkdir(dirname(join(to, path)), { recursive: true });
        await writeFile(join(to, path), text);
      }
    };
    const [RESTORE, PLACING, REPLACED] = ['restore', 'placing', 'replaced'].map(
      (name) => `.symphony-${name}`,
    );

    it.each([
      ['while the archive came', { a: 'old', [`${RESTORE}/a`]: 'new' }, { a: 'old' }],
      [
        'while the old data went aside',
        { b: 'old', [`${REPLACED}/a`]: 'old', [`${RESTORE}/a`]: 'new' },
        { a: 'old', b: 'old' },
      ],
      ['before the new data was placed', { [`${REPLACED}/a`]: 'old', [`${RESTORE}/a`]: 'new' }, { a: 'old' }],
      [
        'while the new data was placed',
        { a: 'new', c: 'new', [`${REPLACED}/a`]: 'old', [`${PLACING}/b`]: 'new' },
        { a: 'old' },
      ],
      ['while the old data was removed', { a: 'new', [`${REPLACED}/b`]: 'old' }, { a: 'new' }],
    ])('%s leaves the old data or the new', async (_when, before, after) => {
      await put(before);
      await settleVolume(to);
      const names = await readdir(to);
      const found = await Promise.all(
        names.map(async (name) => [name, await readFile(join(to, name), 'utf8')] as const),
      );
      expect(Object.fromEntries(found)).toEqual(after);
    });

    it('is settled before a pod uses the volume, and not while another restore runs', async () => {
      const volume = aLocalVolume(dir, 'pvc-1');
      await createVolumeDirectories({ root: dir, logger: silentLogger }).ensure(volume);
      to = join(dir, 'pvc-1');
      await put({ [`${REPLACED}/a`]: 'old', [`${RESTORE}/a`]: 'new' });
      const directories = createVolumeDirectories({ root: dir, logger: silentLogger });
      await directories.ensure(volume);
      expect(await readdir(to)).toEqual(['a']);
      await put({ [`${RESTORE}/a`]: 'new' });
      await directories.ensure(volume);
      expect((await readdir(to)).sort()).toEqual([RESTORE, 'a']);
    });
  });
});
