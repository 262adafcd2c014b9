/** A Node that is too old says so, in `symphony` and in the scripts of package.json. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

function runOn(
  version: string,
  ...args: readonly string[]
): { readonly code: number | null; readonly err: string } {
  const pretend = `Object.defineProperty(process,"versions",{value:{...process.versions,node:"${version}"}})`;
  const all = ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`, ...args];
  const { status, stderr } = spawnSync(process.execPath, all, { cwd: root, encoding: 'utf8' });
  return { code: status, err: stderr };
}

describe('an old Node', () => {
  it.each([
    ['18.19.0', 'bin/symphony'],
    ['20.18.3', 'bin/symphony'],
    ['18.19.0', 'scripts/setup/prepare.mjs'],
  ])('%s is told at once: %s', (version, program) => {
    const { code, err } = runOn(version, program, 'version');
    expect(err).toMatch(/^error: symphony needs Node 20\.19 or later; .+ is Node .+\n$/);
    expect(err).toContain(`is Node ${version}.`);
    expect(code).toBe(1);
  });

  it.each(['20.19.0', '21.0.0', '24.1.2'])('%s is not', (version) => {
    expect(runOn(version, 'bin/symphony', 'version')).toEqual({ code: 0, err: '' });
  });
});
