import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { runCli } from '../../../src/cli/run-cli.ts';

it.each<readonly [string, readonly string[], string]>([
  ['up', ['--repo', '/does/not/exist'], 'Cannot use --repo "/does/not/exist": there is no folder'],
  ['up', ['--repo', 'REPO', '--docker-host', 'unix:///nope'], 'start Docker (systemctl start docker)'],
  ['up', ['--repo', 'REPO', '--runtime', 'hollow', '--revision', 'a..b'], 'Cannot use revision "a..b"'],
  ['control-plane', ['--repo', 'https://169.254.169.254/x'], 'link-local hosts are refused'],
  ['agent', ['--server', 'https://h:1', '--docker-host', 'tcp://'], 'Cannot use Docker host "tcp://"'],
])('%s %j is a user error, and nothing is made', async (command, flags, expected) => {
  const root = await mkdtemp(join(tmpdir(), 'symphony-start-'));
  try {
    const repository = join(root, 'repository');
    await mkdir(join(repository, '.git'), { recursive: true });
    const stderr = new PassThrough();
    const io = { stdin: Readable.from(['']), stdout: new PassThrough(), stderr };
    const args = flags.map((flag) => (flag === 'REPO' ? repository : flag));
    const argv = [command, '--data-dir', join(root, 'data'), ...args];
    expect(await runCli(argv, io, new AbortController().signal)).toBe(1);
    expect(String(stderr.read())).toContain(expected);
    expect(await readdir(root)).toEqual(['repository']);
  } finally {
    await rm(root, { recursive: true });
  }
});
