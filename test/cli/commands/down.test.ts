import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { runCli } from '../../../src/cli/run-cli.ts';
import { claimDirectory } from '../../../src/store/embedded-owner.ts';

it('down leaves alone what is running, and says which process to stop', async () => {
  const root = await mkdtemp(join(tmpdir(), 'symphony-down-'));
  try {
    await mkdir(join(root, 'agents', 'node-1'), { recursive: true });
    await writeFile(join(root, 'agents', 'node-1', 'cluster'), 'c');
    await mkdir(join(root, 'redis'));
    await claimDirectory(join(root, 'redis'));
    const stderr = new PassThrough();
    const io = { stdin: Readable.from(['']), stdout: new PassThrough(), stderr };
    expect(await runCli(['down', '--data-dir', root], io, new AbortController().signal)).toBe(1);
    expect(String(stderr.read())).toContain(`symphony (process ${process.pid}) is running there`);
  } finally {
    await rm(root, { recursive: true });
  }
});
