import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { countChildren } from '../../../src/base/child-processes/child-process.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { UserError } from '../../../src/base/errors.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { createGitMirror } from '../../../src/sync/git/git-mirror.ts';
import type { GitCredentials } from '../../../src/sync/git/git-process.ts';
import type { Lookup } from '../../../src/sync/git/remote-address.ts';
import type { GitMirror } from '../../../src/sync/git/types.ts';
import { renderSource } from '../../sync/render/render-source.ts';
import { type GitFixture, gitMirrorContract } from '../../contracts/git-mirror.ts';
import {
  type GitServer,
  type TestRepository,
  createTestRepository,
  git,
  startGitServer,
} from '../../support/git-server.ts';

const signal = new AbortController().signal;
const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const resource of opened.splice(0).reverse()) await resource[Symbol.asyncDispose]();
});

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'symphony-mirror-'));
  opened.push({ [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }) });
  return directory;
}

async function openMirror(
  url: string,
  extra: {
    directory?: string;
    credentials?: GitCredentials | (() => Promise<GitCredentials>);
    lookup?: Lookup;
  } = {},
): Promise<GitMirror> {
  const { directory = await temporaryDirectory(), credentials, lookup } = extra;
  const environment = { PATH: process.env['PATH'] ?? '' };
  const mirror = createGitMirror({
    url,
    directory,
    clock: systemClock,
    logger: silentLogger,
    allowFile: true,
    environment,
    ...(credentials ? { credentials } : {}),
    ...(lookup ? { lookup } : {}),
  });
  opened.push(mirror);
  return mirror;
}

async function repositoryAndServer(): Promise<{
  repository: TestRepository;
  server: GitServer;
  url: string;
}> {
  const repository = await createTestRepository();
  opened.push(repository);
  const server = await startGitServer(dirname(repository.bare));
  opened.push(server);
  return { repository, server, url: `${server.url}/served.git` };
}

const fixture = (transport: 'http' | 'path') => async (): Promise<GitFixture> => {
  const { repository, url } = await repositoryAndServer();
  const mirror = await openMirror(transport === 'http' ? url : repository.bare);
  return {
    mirror,
    commit: (files, message) => repository.commit(files, message),
    async forcePush(commit) {
      await repository.git('push', '--quiet', '--force', 'origin', `${commit}:main`);
    },
    async deleteBranch() {
      await git(repository.bare, 'update-ref', '-d', 'refs/heads/main');
    },
    note: (commit) => git(repository.bare, 'notes', '--ref=symphony', 'show', commit),
    [Symbol.asyncDispose]: async () => undefined,
  };
};

gitMirrorContract('git over HTTP', fixture('http'));
gitMirrorContract('git by path', fixture('path'));

describe('the mirror on disk', () => {
  it('recreates itself when it is damaged', async () => {
    const { repository } = await repositoryAndServer();
    const directory = await temporaryDirectory();
    const sha = await repository.commit({ 'a.yaml': 'a: 1\n' });
    const first = await openMirror(repository.bare, { directory });
    await first.fetch(signal);
    await first[Symbol.asyncDispose]();
    const objects = join(directory, 'mirror.git', 'objects');
    for (const file of await readdir(objects, { recursive: true, withFileTypes: true })) {
      if (file.isFile()) await rm(join(file.parentPath, file.name), { force: true });
    }
    await truncate(join(directory, 'mirror.git', 'HEAD'), 0);
    const second = await openMirror(repository.bare, { directory });
    await second.fetch(signal);
    expect(await second.resolve('main')).toBe(sha);
    expect((await second.tree(sha, '')).length).toBe(1);
  });

  it('sends its credentials, and never says them', async () => {
    const { repository, server, url } = await repositoryAndServer();
    await repository.commit({ 'a.yaml': 'a: 1\n' });
    server.requireAuth({ username: 'bot', password: 'c4nary-t0ken' });
    const mirror = await openMirror(url, { credentials: { username: 'bot', password: 'c4nary-t0ken' } });
    await mirror.fetch(signal);
    const wrong = await openMirror(url.replace('http://', 'http://bot:wr0ng-c4nary@'));
    const error = await wrong.fetch(signal).catch((reason: unknown) => reason);
    expect(String(error)).toContain('Cannot fetch');
    expect(String(error)).not.toContain('c4nary');
  });

  it('uses a password that was replaced while it was open', async () => {
    const { repository, server, url } = await repositoryAndServer();
    await repository.commit({ 'a.yaml': 'a: 1\n' });
    let password = 'old';
    server.requireAuth({ username: 'bot', password: 'new' });
    const mirror = await openMirror(url, { credentials: async () => ({ username: 'bot', password }) });
    await expect(mirror.fetch(signal)).rejects.toThrow('Cannot fetch');
    password = 'new';
    await mirror.fetch(signal);
  });

  it('follows no redirect', async () => {
    const { repository, server, url } = await repositoryAndServer();
    await repository.commit({ 'a.yaml': 'a: 1\n' });
    const target = await startGitServer(dirname(repository.bare));
    opened.push(target);
    server.redirectTo(target.url);
    const mirror = await openMirror(url);
    await expect(mirror.fetch(signal)).rejects.toThrow('Cannot fetch');
    expect(target.requests).toEqual([]);
  });

  it('goes to the address that was checked, not to what the name means later', async () => {
    const { repository, server, url } = await repositoryAndServer();
    await repository.commit({ 'a.yaml': 'a: 1\n' });
    const named = url.replace('127.0.0.1', 'localhost');
    const there = await openMirror(named, { lookup: async () => ['127.0.0.1'] });
    await there.fetch(signal);
    const seen = server.requests.length;
    // Nobody listens at this address of the same machine.
    const elsewhere = await openMirror(named, { lookup: async () => ['127.1.2.3'] });
    await expect(elsewhere.fetch(signal)).rejects.toThrow('Cannot fetch');
    const forbidden = await openMirror(named, { lookup: async () => ['169.254.169.254'] });
    await expect(forbidden.fetch(signal)).rejects.toThrow('link-local');
    await expect(forbidden.pushNote('a'.repeat(40), 'x')).rejects.toThrow('link-local');
    expect(server.requests.length).toBe(seen);
  });

  it('reads no configuration, password or hook of the user', async () => {
    const { repository, server, url } = await repositoryAndServer();
    await repository.commit({ 'a.yaml': 'a: 1\n' });
    const home = await temporaryDirectory();
    await writeFile(join(home, '.netrc'), 'machine 127.0.0.1 login me password c4nary\n', { mode: 0o600 });
    await writeFile(join(home, '.gitconfig'), '[http]\n\textraHeader = "X-Canary: c4nary"\n');
    server.requireAuth({ username: 'me', password: 'c4nary' });
    const mirror = createGitMirror({
      url,
      directory: await temporaryDirectory(),
      clock: systemClock,
      logger: silentLogger,
      allowFile: false,
      environment: { PATH: process.env['PATH'] ?? '', HOME: home },
    });
    opened.push(mirror);
    await expect(mirror.fetch(signal)).rejects.toThrow('Cannot fetch');
  });

  it.each(['shop@1.4.0', 'feature/größe', '@types/node-20', '日本', "it's", 'a{b', '$(id)'])(
    'finds the branch and the tag %s',
    async (name) => {
      const { repository } = await repositoryAndServer();
      const sha = await repository.commit({ 'a.yaml': '1\n' });
      await repository.git('tag', `t-${name}`);
      await repository.git('push', '--quiet', 'origin', `HEAD:refs/heads/${name}`, `refs/tags/t-${name}`);
      const mirror = await openMirror(repository.bare);
      await mirror.fetch(signal);
      for (const revision of [
        name,
        `t-${name}`,
        `refs/heads/${name}`,
        `heads/${name}`,
        sha.slice(0, 7).toUpperCase(),
      ])
        expect(await mirror.resolve(revision)).toBe(sha);
    },
  );

  it('loses no note among many that push at once, each with more text than an argument may have', async () => {
    const { repository } = await repositoryAndServer();
    const sha = await repository.commit({ a: '1' });
    const mirrors = await Promise.all(['a', 'b', 'c', 'd'].map(() => openMirror(repository.bare)));
    for (const mirror of mirrors) await mirror.fetch(signal);
    const line = (index: number): string => `from ${index}: ${'x'.repeat(60_000)}\n`;
    await Promise.all(
      mirrors.map((mirror, index) => mirror.pushNote(sha, (current = '') => current + line(index))),
    );
    const note = await git(repository.bare, 'notes', '--ref=symphony', 'show', sha);
    for (const index of mirrors.keys()) expect(note).toContain(line(index));
  });

  it('runs no hook and enters no submodule, whatever .gitmodules says', async () => {
    const { repository } = await repositoryAndServer();
    const canary = join(await temporaryDirectory(), 'canary');
    const modules = `[submodule "x"]\n\tpath = x\n\turl = ext::sh -c touch% ${canary}\n\tupdate = !touch ${canary}\n`;
    const sha = await repository.commit({ '.gitmodules': modules, 'a.yaml': 'a: 1\n' });
    await repository.git('update-index', '--add', '--cacheinfo', `160000,${sha},x`);
    await repository.git('commit', '--quiet', '-m', 'A submodule');
    await repository.git('push', '--quiet', 'origin', 'HEAD:main');
    const mirror = await openMirror(repository.bare);
    await mirror.fetch(signal);
    const head = await mirror.resolve('main');
    const render = await renderSource({
      mirror,
      commit: head,
      source: { repoURL: '', directory: { recurse: true } },
      parse: () => ({ manifests: [], errors: [] }),
    });
    expect([...render.files.keys()]).toEqual(['a.yaml']);
    expect([...render.warnings.values()]).toEqual(['x: a submodule is not followed']);
    await expect(readdir(dirname(canary))).resolves.toEqual([]);
  });

  it('transfers what it was told of, and not again when it looks later', async () => {
    const { repository } = await repositoryAndServer();
    const directory = await temporaryDirectory();
    const mirror = await openMirror(repository.bare, { directory });
    await repository.commit({ 'a.yaml': '1\n' });
    await repository.git('tag', '--annotate', '--message', 'A tag', 'v1');
    await repository.git('push', '--quiet', 'origin', 'v1', "HEAD:refs/heads/it's");
    await mirror.fetch(signal);
    const sha = await repository.commit({ 'a.yaml': '2\n' });
    await mirror.fetch(signal, 'news');
    expect(await mirror.resolve('main')).toBe(sha);
    const written = await stat(join(directory, 'mirror.git', 'FETCH_HEAD'), { bigint: true });
    await mirror.fetch(signal);
    const later = await stat(join(directory, 'mirror.git', 'FETCH_HEAD'), { bigint: true });
    expect(later.mtimeNs).toBe(written.mtimeNs);
  });

  it('starts no reader for a look that brings nothing new', async () => {
    const { repository } = await repositoryAndServer();
    const directory = await temporaryDirectory();
    const first = await repository.commit({ 'app/a.yaml': '1\n' });
    const mirror = await openMirror(repository.bare, { directory });
    await mirror.fetch(signal);
    const folder = await mirror.treeId(await mirror.resolve('main'), 'app');
    const readers = (): number =>
      countChildren().find(({ purpose }) => purpose === 'git-reader')?.started ?? 0;
    // As after a pause: no reader is left.
    await mirror[Symbol.asyncDispose]();
    const started = readers();
    await mirror.fetch(signal);
    expect(await mirror.resolve('main')).toBe(first);
    expect(await mirror.treeId(first, 'app')).toBe(folder);
    expect(readers()).toBe(started);
    const second = await repository.commit({ 'app/a.yaml': '2\n' });
    await mirror.fetch(signal);
    expect(await mirror.resolve('main')).toBe(second);
    expect(await mirror.treeId(second, 'app')).not.toBe(folder);
    await git(repository.bare, 'update-ref', '-d', 'refs/heads/main');
    await git(repository.bare, 'update-ref', 'refs/heads/other', first);
    await mirror.fetch(signal);
    await expect(mirror.resolve('main')).rejects.toThrow('Cannot find revision "main"');
  });

  it('reads nothing through symbolic links', async () => {
    const { repository } = await repositoryAndServer();
    await repository.link('absolute.yaml', '/etc/passwd');
    await repository.link('relative.yaml', '../../../../etc/passwd');
    await repository.link('chained.yaml', 'absolute.yaml');
    await repository.link('folder', '/etc');
    const sha = await repository.commit({ 'a.yaml': 'a: 1\n' });
    const mirror = await openMirror(repository.bare);
    await mirror.fetch(signal);
    const read: string[] = [];
    const render = await renderSource({
      mirror,
      commit: sha,
      source: { repoURL: '', directory: { recurse: true } },
      parse: ({ path, bytes }) => {
        read.push(`${path} ${Buffer.from(bytes).toString()}`);
        return { manifests: [], errors: [] };
      },
    });
    expect(read).toEqual(['a.yaml a: 1\n']);
    expect(render.warnings.size).toBe(4);
  });

  it('survives that somebody else pushes notes at the same time', async () => {
    const { repository } = await repositoryAndServer();
    const [one, two] = [await repository.commit({ a: '1' }), await repository.commit({ a: '2' })];
    const mirrors = [await openMirror(repository.bare), await openMirror(repository.bare)];
    for (const mirror of mirrors) await mirror.fetch(signal);
    await Promise.all([mirrors[0]!.pushNote(one, 'from one'), mirrors[1]!.pushNote(two, 'from two')]);
    expect(await git(repository.bare, 'notes', '--ref=symphony', 'show', one)).toContain('from one');
    expect(await git(repository.bare, 'notes', '--ref=symphony', 'show', two)).toContain('from two');
  });
});

describe('an address that is no repository', () => {
  const PAGE = '<!doctype html>\n<html>\n<body>Welcome</body>\n</html>\n';
  it.each([
    ['a page', 200, 'text/html', PAGE, 'is this a git repository?'],
    ['a page of one line', 200, 'text/html', '<html></html>', 'the address is no Git repository'],
    ['an empty page', 200, 'text/html', '', 'the address is no Git repository'],
    ['a page that is not found', 404, 'text/html', PAGE, 'not found'],
    ['a page that asks to log in', 401, 'text/html', PAGE, 'could not read Username'],
  ] as const)('is told as such where it gives %s', async (_what, status, type, body, said) => {
    const server = createServer((_request, response) => {
      const login = status === 401 ? { 'www-authenticate': 'Basic realm="x"' } : {};
      response.writeHead(status, { 'content-type': type, ...login }).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    opened.push({
      [Symbol.asyncDispose]: async () => {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      },
    });
    const { port } = server.address() as AddressInfo;
    const mirror = await openMirror(`http://127.0.0.1:${port}/page`);
    const error: unknown = await mirror
      .fetch(signal)
      .then(() => mirror.resolve('HEAD'))
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UserError);
    expect((error as Error).message).toContain(said);
  });
});

it('an unknown folder to compare with is no damage of the mirror', async () => {
  const { repository, url } = await repositoryAndServer();
  const sha = await repository.commit({ 'a.yaml': 'a: 1\n' }, 'one');
  const directory = await temporaryDirectory();
  const mirror = await openMirror(url, { directory });
  await mirror.fetch(signal);
  const tree = (await mirror.treeId(sha, ''))!;
  const marker = join(directory, 'mirror.git', 'marker');
  await writeFile(marker, '');
  await expect(mirror.changedEntries('f'.repeat(40), tree)).rejects.toThrow('unknown folder');
  await mirror.fetch(signal);
  // A mirror that is made anew has no marker.
  await stat(marker);
});
