/** The parts of an agent that differ on a hollow node; see plan-hollow-pod.ts. */
import type { Logger } from '../../../base/logger.ts';
import type { ApiClient } from '../../../client/types.ts';
import type { NodeAgentOptions } from '../../agent.ts';
import { createMemoryPodVolumes } from '../../volumes/memory-pod-volumes.ts';
import { pretendedTokens } from '../../identity/service-account-tokens.ts';
import { createPodSources } from '../../pods/pod-sources.ts';
import { pretendedProbeIo } from '../../probes/pretended-probe-io.ts';
import type { FakeRuntime } from '../fake/create-fake-runtime.ts';
import { createHollowRuntime, type HollowRuntimeOptions } from './create-hollow-runtime.ts';
import { planHollowProbe } from './plan-hollow-pod.ts';

export type HollowParts = Pick<NodeAgentOptions, 'volumes' | 'probeIo' | 'decideProbe'> & {
  readonly runtime: FakeRuntime;
};

export function createHollowParts(
  options: HollowRuntimeOptions & { readonly client: ApiClient; readonly logger: Logger },
): HollowParts {
  return {
    runtime: createHollowRuntime(options),
    volumes: createMemoryPodVolumes({ sources: createPodSources(options), tokens: pretendedTokens }),
    probeIo: pretendedProbeIo,
    decideProbe: planHollowProbe,
  };
}
