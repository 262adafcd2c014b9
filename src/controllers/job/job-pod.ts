/** A pod of a Job, made of its template; pure. */
import { MAX_GENERATED_PREFIX, type Rng } from '../../base/rng.ts';
import type { Container, Job, Pod } from '../../schemas/types.ts';
import { chooseName, podCalled } from '../owned-pod.ts';
import {
  FAILURE_COUNT_ANNOTATION,
  failuresBefore,
  hasLimitPerIndex,
  IGNORED_COUNT_ANNOTATION,
  ignoredBefore,
  INDEX_ANNOTATION,
  TRACKING_FINALIZER,
} from './job-facts.ts';
import { matchFailurePolicy } from './match-policies.ts';

const INDEX_VARIABLE = 'JOB_COMPLETION_INDEX';

export interface PodOrder {
  readonly rng: Rng;
  /** Names that it must not have; its own is added. */
  readonly taken?: Set<string>;
  /** Absent for Jobs without indexes. */
  readonly index?: number;
  /** The failed pod of the same index that this one replaces. */
  readonly replaces?: Pod | undefined;
}

export function podOfJob(job: Job, { rng, taken, index, replaces }: PodOrder): Pod {
  const { template } = job.spec;
  const { labels, annotations, finalizers = [] } = template.metadata ?? {};
  const indexed = index === undefined ? {} : { [INDEX_ANNOTATION]: `${index}` };
  const counted = index !== undefined && hasLimitPerIndex(job) ? failureCounts(job, replaces) : {};
  const allAnnotations = { ...annotations, ...indexed, ...counted };
  const spec = { containers: [], ...template.spec };
  return podCalled(chooseName(prefixOf(job, index), rng, taken), job, {
    metadata: {
      labels: { ...labels, ...indexed },
      ...(Object.keys(allAnnotations).length > 0 ? { annotations: allAnnotations } : {}),
      finalizers: [...new Set([...finalizers, TRACKING_FINALIZER])],
    },
    spec: index === undefined ? spec : withIndex(spec, `${job.metadata.name}-${index}`),
  });
}

function prefixOf({ metadata }: Job, index: number | undefined): string {
  if (index === undefined) return `${metadata.name}-`;
  const ending = `-${index}-`;
  return `${metadata.name.slice(0, MAX_GENERATED_PREFIX - ending.length)}${ending}`;
}

/** Containers find their index in a variable, and each other under a stable name. */
function withIndex(spec: Pod['spec'], hostname: string): Pod['spec'] {
  const fieldPath = `metadata.labels['${INDEX_ANNOTATION}']`;
  const told = (container: Container): Container => {
    const env = container.env ?? [];
    if (env.some(({ name }) => name === INDEX_VARIABLE)) return container;
    return { ...container, env: [...env, { name: INDEX_VARIABLE, valueFrom: { fieldRef: { fieldPath } } }] };
  };
  const { initContainers } = spec;
  return {
    ...spec,
    hostname,
    containers: spec.containers.map(told),
    ...(initContainers ? { initContainers: initContainers.map(told) } : {}),
  };
}

/** The failures of an index are counted in its pods: each takes over what its predecessor had. */
function failureCounts({ spec }: Job, replaces: Pod | undefined): Record<string, string> {
  if (!replaces) return { [FAILURE_COUNT_ANNOTATION]: '0' };
  const { isCounted } = matchFailurePolicy(spec.podFailurePolicy, replaces);
  const failures = failuresBefore(replaces) + (isCounted ? 1 : 0);
  const ignored = ignoredBefore(replaces) + (isCounted ? 0 : 1);
  return {
    [FAILURE_COUNT_ANNOTATION]: `${failures}`,
    ...(ignored > 0 ? { [IGNORED_COUNT_ANNOTATION]: `${ignored}` } : {}),
  };
}
