/**
 * `npm run test:unit [-- vitest arguments]`: the tests that need nothing but Node, without the
 * simulation.
 */
import { spawnSync } from 'node:child_process';
import { ensureBuild, ensurePackages, root } from './setup/packages.mjs';

ensurePackages();
ensureBuild();
const { status } = spawnSync(
  process.execPath,
  ['node_modules/vitest/vitest.mjs', 'run', '--project', 'unit', ...process.argv.slice(2)],
  { cwd: root, stdio: 'inherit' },
);
process.exit(status ?? 1);
