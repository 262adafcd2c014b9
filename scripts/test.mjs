/**
 * `npm test [-- vitest arguments]`: makes sure of everything the tests need, then runs all of them.
 * Works in a fresh clone on Debian with Node, npm and Git only.
 */
import { spawn } from 'node:child_process';
import { ensureEngine, engineAnswers } from './setup/engine.mjs';
import { ensureBuild, ensurePackages, root } from './setup/packages.mjs';
import { ensureTools } from './setup/tools.mjs';

ensureTools({ engineAnswers: await engineAnswers() });
ensurePackages();
ensureBuild();
const stopEngine = await ensureEngine();
const vitest = spawn(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => vitest.kill(signal));
const code = await new Promise((resolve) => vitest.on('exit', (status) => resolve(status ?? 1)));
await stopEngine();
process.exit(code);
