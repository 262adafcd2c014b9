/** npm packages, generated code and the build: brought up to date only where something changed. */
import '../../bin/check-node.js';
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { done, fail, step } from './progress.mjs';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

export function ensurePackages() {
  const marker = join(root, 'node_modules', '.package-lock.json');
  const lock = join(root, 'package-lock.json');
  if (existsSync(marker) && statSync(marker).mtimeMs >= statSync(lock).mtimeMs) return;
  step('installing npm packages');
  runQuietly('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund']);
  done();
}

export function ensureBuild() {
  step('building');
  runQuietly(process.execPath, ['scripts/generate.mjs']);
  runQuietly(process.execPath, ['scripts/build.mjs']);
  done();
}

function runQuietly(command, args) {
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  if (result.status !== 0) fail(`Cannot run ${command} ${args.join(' ')}:\n${result.stdout}${result.stderr}`);
}
