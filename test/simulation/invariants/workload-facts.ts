/** Facts of StatefulSets, DaemonSets, Jobs and their pods, worked out apart from the code under test. */
import { type KubeObject, controllerOf } from '../../../src/schemas/object.ts';
import type { Pod, PodTemplate } from '../../../src/schemas/types.ts';
import { labelKeys } from '../../../src/node-agent/runtime/types.ts';
import type { SimWorld } from '../../support/sim-world.ts';
import type { WorkloadDraft } from '../workloads.ts';

export const isReady = ({ status }: Pod): boolean =>
  status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') === true;

/** How a live workload differs from what Git says; undefined when it does not. */
export function differenceOfWorkload(live: KubeObject | undefined, draft: WorkloadDraft): string | undefined {
  if (!live) return 'is missing';
  const spec = live['spec'] as Record<string, unknown>;
  const nested = draft.kind === 'CronJob' ? (spec['jobTemplate'] as { spec: typeof spec }).spec : spec;
  const template = nested['template'] as PodTemplate;
  const pairs: [string, unknown, unknown][] = [
    ['image', template.spec?.containers[0]?.image, draft.image],
    ['replicas', spec['replicas'], 'replicas' in draft ? draft.replicas : undefined],
    ['suspend', spec['suspend'], 'suspend' in draft ? draft.suspend : undefined],
    ['completions', spec['completions'], 'completions' in draft ? draft.completions : undefined],
  ];
  const found = pairs.find(([, is, wanted]) => is !== wanted);
  return found && `has ${found[0]} ${JSON.stringify(found[1])}, not ${JSON.stringify(found[2])}`;
}

/** A running container of a pod, on the engine of its node. */
export interface Running {
  readonly node: string;
  readonly podUid: string;
  readonly podName: string;
  readonly container: string;
  readonly mounts: readonly string[];
}

/** The pods that really run, whatever the API says. */
export function runningContainers({ nodes }: SimWorld): readonly Running[] {
  return nodes.flatMap(({ name: node, engine }) =>
    engine
      .snapshot()
      .filter(({ phase, labels }) => phase === 'running' && labels[labelKeys.role] !== 'pod')
      .map(({ id, labels }) => ({
        node,
        podUid: labels[labelKeys.podUid] ?? '',
        podName: labels[labelKeys.podName] ?? '',
        container: labels[labelKeys.containerName] ?? '',
        mounts: (engine.spec(id)?.mounts ?? []).map(({ source }) => source),
      })),
  );
}

/** The controller that each pod had last, by the pod's uid. A restored pod has none at first. */
export function followOwners({ ledger }: SimWorld, kind: string): ReadonlyMap<string, string> {
  const owners = new Map<string, string>();
  ledger.onEvent(({ resource, type, object }) => {
    const owner = resource === 'pods' && type !== 'DELETED' ? controllerOf(object) : undefined;
    if (owner?.kind === kind) owners.set(object.metadata.uid ?? '', owner.uid);
  });
  return owners;
}

/** Since when the control plane was there all the time, with its data. */
export function followControlPlane(world: SimWorld): () => number {
  let normalSinceMs = world.clock.now();
  let wasNormal = false;
  return () => {
    const isNormal = world.data.state?.phase === 'normal';
    if (isNormal && !wasNormal) normalSinceMs = world.clock.now();
    wasNormal = isNormal;
    const { api } = world.controlPlane;
    return isNormal && api ? Math.max(api.sinceMs, normalSinceMs) : Number.POSITIVE_INFINITY;
  };
}
