/**
 * Manifests of the pods that the benchmarks run: one container of the test image that only sleeps.
 */
import { TEST_IMAGE } from '../../test/support/docker.ts';

export const SLEEP_COMMAND = ['sleep', '100000'];

export function podManifest(name: string): string {
  // No grace: the shell-less sleep ignores SIGTERM as process 1, and stopping is not what is
  // measured.
  return `apiVersion: v1
kind: Pod
metadata:
  name: ${name}
  namespace: default
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: main
      image: ${TEST_IMAGE}
      command: ${JSON.stringify(SLEEP_COMMAND)}
`;
}

/** One file per pod, as people write them. */
export function podFiles(prefix: string, count: number): Record<string, string> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      `pods/${prefix}-${index}.yaml`,
      podManifest(`${prefix}-${index}`),
    ]),
  );
}
