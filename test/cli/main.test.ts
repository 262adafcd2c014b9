import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const TELL = "data:text/javascript,process.on('exit',()=>console.log(process.umask().toString(8)))";

it("volumes of pods do not depend on the caller's umask, such as a unit's UMask=0077", async () => {
  const program = [process.execPath, '--import', 'tsx', '--import', TELL, MAIN, '--version'];
  const { stdout } = await promisify(execFile)('/bin/sh', ['-c', 'umask 077; exec "$@"', 'sh', ...program]);
  expect(stdout.trim().split('\n').at(-1)).toBe('22');
});
