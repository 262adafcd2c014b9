/**
 * Bundles src/ and the packages it uses into dist/ with esbuild: one small entry, and one chunk per
 * command, so that the command line starts fast. The DNS server is an entry of its own. dist/ needs nothing but Node.
 * dist/THIRD-PARTY-NOTICES.txt carries the packages' licences.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { noticesOf } from './build/notices.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/**
 * Modules that packages load and we never use. dockerode brings a login over ssh and BuildKit's
 * sessions, with ssh2 and gRPC; src/node-agent/runtime/docker/engine.ts speaks HTTP only and builds
 * no images. BullMQ brings its store in PostgreSQL, and the times of repeated jobs.
 */
const UNUSED = [
  { importer: `docker-modem${sep}lib${sep}modem.js`, path: './ssh' },
  { importer: `dockerode${sep}lib${sep}docker.js`, path: './session' },
  { importer: `bullmq${sep}dist${sep}cjs${sep}index.js`, path: './postgres' },
  { importer: `bullmq${sep}dist${sep}cjs${sep}classes${sep}job-scheduler.js`, path: 'cron-parser' },
];

/** @type {import('esbuild').Plugin} */
const withoutUnused = {
  name: 'without-unused',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(\.\/(ssh|session|postgres)|cron-parser)$/ }, ({ path, importer }) =>
      UNUSED.some((unused) => unused.path === path && importer.endsWith(unused.importer))
        ? { path, namespace: 'unused' }
        : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'unused' }, ({ path }) => ({
      contents: `module.exports = () => { throw new Error('${path} is not part of this bundle'); };`,
    }));
  },
};

rmSync(join(root, 'dist'), { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: { main: 'src/cli/main.ts', 'name-server': 'src/server/name-server.ts' },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  plugins: [withoutUnused],
  // Gives `require` to packages that use it within a module.
  banner: {
    js: "import { createRequire as nodeCreateRequire } from 'node:module'; const require = nodeCreateRequire(import.meta.url);",
  },
  legalComments: 'none',
  // V8 keeps the text of a program in memory, and in two bytes a character where a comment has one beyond Latin-1. Names
  // stay: packages look at those of classes.
  minifyWhitespace: true,
  minifySyntax: true,
  lineLimit: 200,
  sourcemap: 'linked',
  metafile: true,
  logLevel: 'warning',
});
writeFileSync(join(root, 'dist', 'THIRD-PARTY-NOTICES.txt'), noticesOf(root, Object.keys(metafile.inputs)));
if (process.argv[2]) writeFileSync(process.argv[2], JSON.stringify(metafile));
