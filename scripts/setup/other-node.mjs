/**
 * A second Node for the tests: the newest release line that is supported for long, or, where that
 * is this machine's, the oldest one that package.json promises. Its binary comes inside an npm
 * package and is kept in .cache; nothing else sees it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './packages.mjs';
import { done, fail, step } from './progress.mjs';

const NEWEST = 24;
const OLDEST = 20;

/** Returns its release line and the path of its binary. */
export function ensureOtherNode() {
  const major = Number(process.versions.node.split('.')[0]) < NEWEST ? NEWEST : OLDEST;
  const name = `node-${process.platform}-${process.arch}`;
  const folder = join(root, '.cache', `node-${major}`);
  const binary = join(folder, 'node_modules', name, 'bin', 'node');
  if (!existsSync(binary)) {
    step(`fetching Node ${major}`);
    mkdirSync(folder, { recursive: true });
    const args = ['install', '--prefix', folder, '--no-save', '--no-package-lock', '--ignore-scripts'];
    const { status, stdout, stderr } = spawnSync('npm', [...args, `${name}@${major}`], { encoding: 'utf8' });
    if (status !== 0 || !existsSync(binary)) fail(`Cannot fetch Node ${major}:\n${stdout}${stderr}`);
    done();
  }
  return { major, binary };
}
