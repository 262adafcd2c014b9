/**
 * kubectl 1.20 as Debian 12 packages it, unpacked beside the packages and never installed: for
 * clients of before WebSocket. Several test files may ask at once; the one that is done first
 * counts.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/symphony', import.meta.url));
const PACKAGE = 'kubernetes-client';
const WANTED = /GitVersion:"v1\.20\./;

/** Path of the program; throws where it cannot be had. */
export async function oldKubectl(): Promise<string> {
  const directory = join(CACHE, 'kubectl-1.20');
  const program = join(directory, 'usr', 'bin', 'kubectl');
  if (existsSync(program)) return program;
  await mkdir(CACHE, { recursive: true });
  const work = await mkdtemp(join(CACHE, 'unpack-'));
  try {
    try {
      run('apt-get', ['download', PACKAGE], work);
    } catch {
      // A machine that has never asked what there is.
      run('apt-get', ['update', '-qq'], work);
      run('apt-get', ['download', PACKAGE], work);
    }
    const [archive] = (await readdir(work)).filter((name) => name.endsWith('.deb'));
    if (archive === undefined) throw new Error(`apt-get has not downloaded ${PACKAGE}`);
    const unpacked = join(work, 'root');
    run('dpkg', ['-x', archive, unpacked], work);
    const version = run(join(unpacked, 'usr', 'bin', 'kubectl'), ['version', '--client'], work);
    if (!WANTED.test(version)) throw new Error(`it is another release: ${version.trim()}`);
    await rename(unpacked, directory).catch((error: unknown) => {
      if (!existsSync(program)) throw error;
    });
    return program;
  } catch (cause) {
    throw new Error(
      `Cannot get kubectl 1.20: the package ${PACKAGE} of Debian 12 is needed, by apt-get and dpkg: ${(cause as Error).message}`,
      { cause },
    );
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function run(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status === 0) return stdout;
  throw new Error(`${command} ${args.join(' ')} failed: ${error?.message ?? stderr.trim()}`);
}
