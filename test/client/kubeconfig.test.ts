import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../src/base/errors.ts';
import { readKubeconfig } from '../../src/client/kubeconfig.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'symphony-kubeconfig-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function file(name: string, text: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, text);
  return path;
}

const GOOD = [
  'current-context: a',
  'contexts: [{name: a, context: {cluster: c, user: u}}]',
  'clusters: [{name: c, cluster: {server: "https://c:1"}}]',
  'users: [{name: u, user: {}}]',
].join('\n');

describe('several files', () => {
  it('are one: the first that names a thing wins, paths are relative to their own file', async () => {
    await mkdir(join(directory, 'sub'), { recursive: true });
    await writeFile(join(directory, 'sub', 'token'), 'from-sub\n');
    const first = await file('first', 'contexts: [{name: a, context: {cluster: c, user: u}}]');
    const second = await file(
      'sub/second',
      [
        'current-context: a',
        'contexts: [{name: a, context: {cluster: other, user: other}}]',
        'clusters: [{name: c, cluster: {server: "https://c:1"}}]',
        'users: [{name: u, user: {tokenFile: token}}]',
      ].join('\n'),
    );
    const missing = join(directory, 'missing');
    expect(await readKubeconfig([missing, first, '', second].join(':'))).toEqual({
      server: 'https://c:1',
      token: 'from-sub',
    });
  });

  it('are none the worse for one that is empty', async () => {
    const good = await file('good', GOOD);
    for (const empty of ['/dev/null', await file('blank', '\n'), await file('comment', '# none\n')])
      for (const path of [`${empty}:${good}`, `${good}:${empty}`])
        expect(await readKubeconfig(path)).toEqual({ server: 'https://c:1' });
    await expect(readKubeconfig('/dev/null:/dev/null')).rejects.toThrow('it is empty');
  });

  it('are not taken for one in a folder with a colon in its name', async () => {
    await mkdir(join(directory, 'a:b'));
    const path = await file('a:b/kubeconfig', GOOD);
    expect(await readKubeconfig(path)).toEqual({ server: 'https://c:1' });
  });
});

describe('a file that cannot be used', () => {
  it.each([
    ['is empty', '', 'it is empty'],
    ['holds a null', 'null', 'it is empty'],
    ['is no mapping', '- x', 'it is not a mapping'],
    ['is no YAML', 'a: [', 'flow collection'],
    ['has no context', 'clusters: []', 'it has no current-context'],
    ['lacks its context', 'current-context: x', 'no context "x"'],
    [
      'names a file that is not there',
      'current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\n' +
        'clusters: [{name: c, cluster: {server: "https://c", certificate-authority: gone.pem}}]\n' +
        'users: [{name: u, user: {}}]',
      'certificate-authority: ENOENT',
    ],
  ])('and %s is the error of whoever named it', async (_why, text, message) => {
    const path = await file('bad', text);
    const failure: unknown = await readKubeconfig(path).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(UserError);
    expect((failure as Error).message).toContain(message);
    expect((failure as Error).message).toContain(path);
  });

  it('and is not there says so', async () => {
    await expect(readKubeconfig(join(directory, 'missing'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
