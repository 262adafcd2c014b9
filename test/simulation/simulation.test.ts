/**
 * The seeds of every test run. They run in processes of their own, as `npm run soak` does: there
 * the code is loaded once and runs a third faster than transformed by the test runner.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const SOAK = fileURLToPath(new URL('../../scripts/soak.ts', import.meta.url));
/** Ends a run that hangs. */
const HANGS_MS = 1_800_000;

it('keeps every invariant with 260 seeds in each of two scenes', { timeout: HANGS_MS }, async () => {
  const child = spawn(process.execPath, ['--import', 'tsx', SOAK, '--seeds', '260', '--length', 'mixed']);
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => output.push(chunk.toString()));
  const status = await new Promise((resolve) => child.on('close', resolve));
  expect(status, output.join('')).toBe(0);
});
