import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  checkEngineAddresses,
  checkEngines,
  checkRepository,
} from '../../../src/server/start/check-start.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'symphony-check-'));
  await mkdir(join(folder, 'work', '.git'), { recursive: true });
  await mkdir(join(folder, 'work', 'apps', 'web'), { recursive: true });
  for (const name of ['objects', 'refs']) await mkdir(join(folder, 'bare', name), { recursive: true });
  await writeFile(join(folder, 'bare', 'HEAD'), 'ref: refs/heads/main\n');
  await writeFile(join(folder, 'file'), '');
  await mkdir(join(folder, 'plain'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const repository = (repo: string, more: { revision?: string; path?: string } = {}): Promise<void> =>
  checkRepository({ repo: repo.replace('DIR', folder), revision: 'HEAD', path: '.', ...more });

describe('the repository that a start names', () => {
  it.each(['DIR/work', 'DIR/bare', 'file://DIR/bare', 'https://git.example/a/b.git', 'git@git.example:a/b'])(
    'may be %s',
    async (repo) => {
      await expect(repository(repo)).resolves.toBeUndefined();
    },
  );

  it.each([
    ['DIR/nope', /^Cannot use --repo ".*\/nope": there is no folder ".*\/nope"; give the path of/],
    ['file://DIR/nope', /there is no folder/],
    ['DIR/file/below', /there is no folder/],
    ['github.com/acme/shop', /there is no folder .*; a URL begins with https:\/\/ or ssh:\/\/$/],
    ['DIR/plain', /is not a Git repository; make it one \(git init/],
    [
      'DIR/work/apps/web',
      /it lies inside of the Git repository ".*\/work"; give --repo .*\/work --path apps\/web$/,
    ],
    ['https://user:secret@', /^Cannot use repository/],
    ['ftp://git.example/a', /^Cannot use repository/],
    ['http://git.example/a', /^Cannot use repository/],
    ['https://169.254.169.254/a', /link-local/],
  ])('is refused with what to do: %s', async (repo, expected) => {
    const refusal = expect(repository(repo)).rejects;
    await refusal.toMatchObject({ name: 'UserError', message: expect.stringMatching(expected) });
    await refusal.not.toThrow('secret');
  });

  it.each([
    [{ revision: 'main@{1}' }, 'it is no branch, tag or commit'],
    [{ revision: '-x' }, 'it is no branch, tag or commit'],
    [{ path: '../other' }, 'it must stay inside the repository'],
    [{ path: '/etc' }, 'Cannot use --path "/etc": must be a relative path'],
  ])('is refused with %j', async (more, expected) => {
    await expect(repository('https://git.example/a/b.git', more)).rejects.toThrow(expected);
  });
});

describe('the Docker Engine that a start names', () => {
  const docker = (...dockerHosts: string[]) => ({ dockerHosts, runtime: 'docker' as const });

  it('may be missing where nothing runs on it', async () => {
    await expect(checkEngines({ dockerHosts: ['unix:///nope'], runtime: 'hollow' })).resolves.toBeUndefined();
  });

  it('must be there, and the refusal says how to start it', async () => {
    await expect(checkEngines(docker('unix:///nope'))).rejects.toMatchObject({
      name: 'UserError',
      message:
        'Cannot use the Docker Engine at "unix:///nope": there is no such socket; start Docker (systemctl start docker); name another Engine with --docker-host, or try Symphony without one with --runtime hollow',
    });
    await expect(checkEngines(docker('tcp://127.0.0.1:1'))).rejects.toThrow('nothing listens there');
  });

  it('may be slow to answer, and one of several may be missing', async () => {
    const socket = join(folder, 'engine.sock');
    const server = createServer(() => undefined);
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    try {
      await expect(checkEngines(docker(`unix://${socket}`, 'unix:///nope'))).resolves.toBeUndefined();
    } finally {
      server.close();
    }
  });

  it('must have an address that can be used', () => {
    for (const host of ['ssh://root@host', 'https://host:2376'])
      expect(() => checkEngineAddresses(docker(host))).toThrow(`Cannot use Docker host "${host}": expected`);
  });
});
