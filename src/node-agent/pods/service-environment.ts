/**
 * The service variables of a pod's containers at the moment they are made, from the Services that
 * the host's network follows. A container that is made again without a control plane gets those of
 * before.
 */
import { type Clock, sleep } from '../../base/clock.ts';
import { createAbort } from '../../base/abort.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { Pod, Service } from '../../schemas/types.ts';
import type { EnvVariable } from '../container-spec/plan-environment.ts';
import { serviceVariables } from '../container-spec/service-variables.ts';
import { StepProblem } from '../ports.ts';
import type { KeptSources } from '../records/kept-sources.ts';

/** The Services of the cluster. */
export interface KnownServices {
  readonly items: ReadonlyMap<string, Service>;
  /** All of them have been read. */
  readonly isSynced: boolean;
  onChange(listener: () => void): void;
}

export interface ServiceEnvironmentOptions {
  /** Undefined where this host's pods reach no Services: containers get no variables then. */
  services(): KnownServices | undefined;
  readonly through: KeptSources['through'];
  readonly clock: Clock;
}

/** The first list takes less. After it the container fails, and is tried again, as with kubelet. */
const FIRST_LIST_MS = 2_000;

interface KeptVariables extends KubeObject {
  readonly variables: readonly EnvVariable[];
}

export function createServiceEnvironment({ services, through, clock }: ServiceEnvironmentOptions) {
  let firstList: Promise<void> | undefined;

  async function untilRead(known: KnownServices): Promise<void> {
    if (known.isSynced) return;
    firstList ??= new Promise((resolve) => known.onChange(() => known.isSynced && resolve()));
    const patience = createAbort();
    await Promise.race([firstList, sleep(clock, FIRST_LIST_MS, patience.signal)]);
    patience.abort();
    if (known.isSynced) return;
    const message = 'services have not yet been read at least once, cannot construct envvars';
    throw new StepProblem('CreateContainerConfigError', message);
  }

  return async (pod: Pod): Promise<readonly EnvVariable[]> => {
    const known = services();
    if (!known) return [];
    const { uid = '' } = pod.metadata;
    const kept = await through<KeptVariables>(uid, 'service variables', async () => {
      await untilRead(known);
      return {
        apiVersion: 'symphony.dev/v1',
        kind: 'ServiceVariables',
        metadata: { name: uid },
        variables: serviceVariables(pod, known.items.values()),
      };
    });
    return kept?.variables ?? [];
  };
}
