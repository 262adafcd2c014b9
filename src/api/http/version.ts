/** `/version`: the Kubernetes version of this API. Clients decide by `major` and `minor`. */

export const KUBERNETES_VERSION = 'v1.36.2';

/** Git's name for no commit: clients expect a commit, and ours is none of Kubernetes'. */
const NO_COMMIT = '0'.repeat(40);

export function versionInfo(): Readonly<Record<string, string>> {
  return {
    major: '1',
    minor: '36',
    emulationMajor: '1',
    emulationMinor: '36',
    minCompatibilityMajor: '1',
    minCompatibilityMinor: '35',
    gitVersion: `${KUBERNETES_VERSION}+symphony`,
    gitCommit: NO_COMMIT,
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: 'none',
    compiler: 'node',
    platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
  };
}
