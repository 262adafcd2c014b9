/**
 * Git's last words are heard although the process has ended before they are read, as on a busy
 * machine.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createGit } from '../../../src/sync/git/git-process.ts';

it('the words of a process that has ended are waited for', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'symphony-git-'));
  try {
    const launcher = join(directory, 'launcher.sh');
    await writeFile(launcher, '(sleep 0.5; echo "fatal: no such host" >&2) &\nexit 128\n');
    const git = createGit(directory, launcher, { PATH: process.env['PATH'] ?? '' });
    await expect(git('fetch')).rejects.toThrow('fatal: no such host');
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
