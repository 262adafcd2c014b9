/** The agent connects pods to their network itself where it shares the engine's machine, and may. */
import { createContainerLinks } from '../network/pod-network/connect-container.ts';
import { runProgram } from '../network/run-program.ts';
import type { PodLinks } from '../node-agent/runtime/docker/pod-links.ts';

/** Undefined where the engine connects them. */
export function podLinksAt(dockerHost: string): PodLinks | undefined {
  const isLocal = dockerHost.startsWith('unix:') || dockerHost.startsWith('/');
  return isLocal && process.getuid?.() === 0 ? createContainerLinks(runProgram) : undefined;
}
