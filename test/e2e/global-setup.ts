/** Before the end-to-end tests: a build as new as the sources, and the demonstration images. */
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

export async function setup(): Promise<void> {
  if (buildIsOld()) {
    const result = spawnSync(process.execPath, ['scripts/build.mjs'], { cwd: root, encoding: 'utf8' });
    if (result.status !== 0) throw new Error(`Cannot build: ${result.stderr}`);
  }
  const { ensureImages } = (await import(join(root, 'scripts', 'images.mjs'))) as {
    ensureImages: () => Promise<void>;
  };
  await ensureImages();
}

function buildIsOld(): boolean {
  const built = modified(join(root, 'dist', 'main.js'));
  return readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).some(
    (path) => modified(join(root, 'src', path)) > built,
  );
}

function modified(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
