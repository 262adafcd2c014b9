/** Git servers that accept and say nothing, or trickle; files that must not be read. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, type Socket, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { TransientError } from '../../../src/base/errors.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { type GitMirrorLimits, createGitMirror } from '../../../src/sync/git/git-mirror.ts';
import type { GitMirror } from '../../../src/sync/git/types.ts';
import { MAX_MANIFEST_FILE_BYTES } from '../../../src/sync/render/plain.ts';
import { renderSource } from '../../sync/render/render-source.ts';
import { createTestRepository } from '../../support/git-server.ts';

const opened: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function aDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'symphony-slow-'));
  opened.push(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

async function openMirror(
  url: string,
  limits: GitMirrorLimits = {},
  path = process.env['PATH'] ?? '',
): Promise<GitMirror> {
  const directory = await aDirectory();
  const environment = { PATH: path };
  const mirror = createGitMirror({
    url,
    directory,
    clock: systemClock,
    logger: silentLogger,
    allowFile: true,
    environment,
    limits,
  });
  opened.push(async () => mirror[Symbol.asyncDispose]());
  return mirror;
}

/** Accepts every connection; `onConnect` says what happens then. */
async function listen(onConnect: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onConnect(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  opened.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/x.git`;
}

const never = new AbortController().signal;

describe('a Git server that hangs', () => {
  it('is given up when it says nothing', async () => {
    const mirror = await openMirror(await listen(() => undefined), { silenceTimeoutMs: 200 });
    await expect(mirror.fetch(never)).rejects.toThrow(TransientError);
  });

  it('is given up when it trickles', async () => {
    const url = await listen((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\n\r\n');
      const timer = setInterval(() => socket.write('0'), 20);
      socket.on('close', () => clearInterval(timer));
    });
    const mirror = await openMirror(url, { fetchTimeoutMs: 300 });
    await expect(mirror.fetch(never)).rejects.toThrow(TransientError);
  });

  it('does not hold up a stop', async () => {
    const stop = new AbortController();
    const url = await listen(() => stop.abort());
    await expect((await openMirror(url)).fetch(stop.signal)).rejects.toThrow();
  });

  it('leaves other repositories alone', async () => {
    const hanging = await openMirror(await listen(() => undefined), { silenceTimeoutMs: 2_000 });
    const repository = await createTestRepository();
    opened.push(async () => repository[Symbol.asyncDispose]());
    const sha = await repository.commit({ 'a.yaml': 'a: 1\n' });
    const slow = expect(hanging.fetch(never)).rejects.toThrow(TransientError);
    const healthy = await openMirror(repository.bare);
    await healthy.fetch(never);
    expect(await healthy.resolve('HEAD')).toBe(sha);
    await slow;
  });
});

describe('a file that is no manifest by its size or kind', () => {
  it('is an error with its name, and is not read', async () => {
    const repository = await createTestRepository();
    opened.push(async () => repository[Symbol.asyncDispose]());
    const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n';
    await repository.commit({
      'big.yaml': `a: ${'x'.repeat(MAX_MANIFEST_FILE_BYTES)}\n`,
      'lfs.yaml': pointer,
    });
    const mirror = await openMirror(repository.bare);
    await mirror.fetch(never);
    let readBytes = 0;
    const watched: GitMirror = {
      ...mirror,
      async readBlobs(ids) {
        const blobs = await mirror.readBlobs(ids);
        for (const blob of blobs) readBytes += blob.length;
        return blobs;
      },
    };
    const render = await renderSource({
      mirror: watched,
      commit: await mirror.resolve('HEAD'),
      source: { repoURL: repository.bare, path: '.' },
      parse: () => ({ manifests: [], errors: [] }),
    });
    expect(render.errors.map(({ file, message }) => `${file}: ${message}`)).toEqual([
      expect.stringContaining('big.yaml: the file has'),
      expect.stringContaining('lfs.yaml: this is a Git LFS pointer'),
    ]);
    expect(readBytes).toBe(pointer.length);
  });
});

describe('a folder', () => {
  it('is attributed to the last commit that touched it', async () => {
    const repository = await createTestRepository();
    opened.push(async () => repository[Symbol.asyncDispose]());
    const shop = await repository.commit({ 'shop/a.yaml': 'a: 1\n' });
    await repository.commit({ 'bank/b.yaml': 'b: 1\n' });
    const mirror = await openMirror(repository.bare);
    await mirror.fetch(never);
    expect(await mirror.lastChange(await mirror.resolve('HEAD'), 'shop')).toBe(shop);
  });
});

describe('a machine that lacks something', () => {
  it.each([
    'fatal: write error: No space left on device',
    'fatal: unable to create temporary file: Disk quota exceeded',
    'error: cannot fork to run index-pack: Resource temporarily unavailable\nfatal: fetch-pack: unable to fork off index-pack',
    'fatal: unable to create thread: Resource temporarily unavailable',
    "fatal: could not open '.git/FETCH_HEAD' for writing: Read-only file system",
    "fatal: Unable to create temporary file '/x': Too many open files",
  ])('is not the fault of a commit: %s', async (complaint) => {
    await using repository = await createTestRepository();
    await repository.commit({ 'a.yaml': 'a: 1\n' });
    const programs = await aDirectory();
    const script = join(programs, 'git');
    const path = process.env['PATH'] ?? '';
    const lines = [
      '#!/bin/sh',
      'case "$*" in',
      `*fetch*) cat >&2 <<'END'`,
      complaint,
      'END',
      'exit 128 ;;',
      'esac',
    ];
    await writeFile(script, `${lines.join('\n')}\nPATH='${path}' exec git "$@"\n`);
    await chmod(script, 0o755);
    const mirror = await openMirror(repository.bare, {}, `${programs}:${path}`);
    await expect(mirror.fetch(never)).rejects.toSatisfy(
      (error) => error instanceof TransientError && error.message.includes('machine has to be looked after'),
    );
  });
});
