/** ContainerRuntime on a Docker Engine through dockerode, made of one file per concern. */
import { anySignal, createAbort } from '../../../base/abort.ts';
import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../base/logger.ts';
import { type Rng, systemRng } from '../../../base/rng.ts';
import type { ContainerRuntime } from '../types.ts';
import { createContainers } from './containers.ts';
import { createDial } from './dial.ts';
import { connectEngine, type EngineAddress } from './engine.ts';
import { watchEvents } from './events.ts';
import { createExecs } from './exec.ts';
import { createImages } from './images.ts';
import { createInfo } from './info.ts';
import { createLinkedContainers } from './linked-containers.ts';
import type { PodLinks } from './pod-links.ts';
import { createLogs } from './logs.ts';
import { createNetworks } from './networks.ts';
import { createOomScoreSupport } from './oom-score.ts';
import { createOwnership } from './ownership.ts';
import { createSandboxes } from './sandboxes.ts';
import { createPathUsers } from './path-users.ts';
import { createSees } from './sees.ts';
import { createStats } from './stats.ts';

export interface DockerRuntimeOptions extends EngineAddress {
  readonly cluster: string;
  readonly node: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly rng?: Rng;
  /** The pods' network on this machine; absent where the engine is elsewhere. */
  readonly links?: PodLinks | undefined;
  /** For a program on this machine that containers begin with. Without it, the engine connects them. */
  readonly programDirectory?: string;
}

export function createDockerRuntime(options: DockerRuntimeOptions): ContainerRuntime {
  const { cluster, node, clock } = options;
  const logger = options.logger.child({ component: 'docker', node });
  const engine = connectEngine(options, clock);
  const ownership = createOwnership(engine, cluster, node);
  const oomScores = createOomScoreSupport(engine, options.rng ?? systemRng, logger);
  const disposed = createAbort();
  const info = createInfo(engine, clock);
  const images = createImages(engine, clock);
  const sees = createSees(engine);
  const { links, programDirectory: directory } = options;
  const linked =
    links &&
    (directory === undefined
      ? undefined
      : createLinkedContainers({ ...info, ...sees, engine, links, directory, clock, logger }));
  const networks = createNetworks({
    ...{ engine, cluster, clock, signal: disposed.signal },
    bridges: links,
  });
  const containers = createContainers({ engine, ownership, oomScores, logger, linked });
  return {
    ...info,
    ...images,
    ...containers,
    ...createSandboxes(containers, { ...info, ...images }),
    ...createExecs({ engine, ownership, clock }),
    ...createLogs(engine, ownership),
    ...sees,
    ...createPathUsers(engine),
    ...createStats(engine, ownership),
    ...networks,
    async ensureNetwork(network) {
      const made = await networks.ensureNetwork(network);
      linked?.setNetwork(made.bridge === undefined ? undefined : { ...network, bridge: made.bridge });
      return made;
    },
    ...createDial(engine, clock),
    async *events(signal) {
      using ended = anySignal(signal, disposed.signal);
      yield* watchEvents({ engine, ownership, clock, logger }, ended);
    },
    async [Symbol.asyncDispose]() {
      disposed.abort();
    },
  };
}
