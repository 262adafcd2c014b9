/**
 * A program of a benchmark, as Symphony itself is built: what a loader of TypeScript adds to each
 * function would be measured with it.
 */
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));

export async function bundled(entry: URL): Promise<string> {
  const path = fileURLToPath(entry);
  const outfile = join(root, '.cache', `bench-${basename(path, '.ts')}.mjs`);
  await build({
    entryPoints: [path],
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
