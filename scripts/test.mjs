/**
 * `npm test [-- vitest arguments]`: makes sure of everything the tests need, then runs all of them,
 * and once more on another release line of Node what may differ there: the unit tests and one story
 * from end to end. With arguments, only what they name, on this Node. Works in a fresh clone on
 * Debian with Node, npm and Git only.
 */
import { spawn } from 'node:child_process';
import { ensureEngine, engineAnswers } from './setup/engine.mjs';
import { ensureOtherNode } from './setup/other-node.mjs';
import { ensureBuild, ensurePackages, root } from './setup/packages.mjs';
import { say } from './setup/progress.mjs';
import { ensureTools } from './setup/tools.mjs';

const STORY = 'test/e2e/commits.test.ts';

const args = process.argv.slice(2);
ensureTools({ engineAnswers: await engineAnswers() });
ensurePackages();
ensureBuild();
const other = args.length === 0 ? ensureOtherNode() : undefined;
const stopEngine = await ensureEngine();
const rounds = [{ node: process.execPath, more: args }];
if (other) {
  rounds.push({ node: other.binary, more: ['--project', 'unit'] });
  rounds.push({ node: other.binary, more: ['--project', 'e2e', STORY] });
}
const codes = [];
let running;
let isEnded = false;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    isEnded = true;
    running.kill(signal);
  });
}
for (const round of rounds) {
  if (isEnded) break;
  if (round.node === other?.binary) say(`\n• on Node ${other.major}: ${round.more.join(' ')}`);
  codes.push(await vitest(round));
  // The failures of a round are the last words of the run.
  if (codes.at(-1) !== 0) break;
}
await stopEngine();
process.exit(codes.find((code) => code !== 0) ?? 0);

function vitest({ node, more }) {
  running = spawn(node, ['node_modules/vitest/vitest.mjs', 'run', ...more], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  });
  return new Promise((resolve) => running.on('exit', (status) => resolve(status ?? 1)));
}
