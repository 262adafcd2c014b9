/**
 * A program of a benchmark, as Symphony itself is built: what a loader of TypeScript adds to each
 * function would be measured with it.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** `name`: of a file in this folder, without its ending. */
export async function bundled(name: string): Promise<string> {
  const outfile = join(root, '.cache', `bench-${name}.mjs`);
  await build({
    entryPoints: [fileURLToPath(new URL(`./${name}.ts`, import.meta.url))],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    logLevel: 'error',
  });
  return outfile;
}
