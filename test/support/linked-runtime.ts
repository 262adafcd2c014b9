/** A runtime of this machine's Engine whose containers the agent connects itself. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { createContainerLinks } from '../../src/network/pod-network/connect-container.ts';
import { runProgram } from '../../src/network/run-program.ts';
import { createDockerRuntime } from '../../src/node-agent/runtime/docker/create-docker-runtime.ts';
import type { PodLinks } from '../../src/node-agent/runtime/docker/pod-links.ts';
import type { ContainerRuntime } from '../../src/node-agent/runtime/types.ts';
import { engineHost } from './docker.ts';

export const createLinkedRuntime = (
  cluster: string,
  node: string,
  links: PodLinks = createContainerLinks(runProgram),
): ContainerRuntime =>
  createDockerRuntime({
    ...{ host: engineHost(), cluster, node, clock: systemClock, logger: silentLogger, links },
    programDirectory: join(tmpdir(), `symphony-${cluster}`),
  });
