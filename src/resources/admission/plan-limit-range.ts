/**
 * Applies a LimitRange to a pod or a claim: defaults for containers that say nothing, and
 * complaints about what lies outside its bounds, in upstream's words. Pure.
 */
import { ownMember } from '../../base/json.ts';
import { asRecord, asRecords, asString, type Fields } from '../../schemas/json-access.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { podQuantities } from '../../schemas/pods/pod-quantities.ts';
import {
  compareQuantities,
  formatQuantity,
  parseQuantity,
  type Quantity,
} from '../../schemas/values/quantity.ts';
import type { Container, Pod } from '../../schemas/types.ts';

const LIMIT_RANGER_ANNOTATION = 'kubernetes.io/limit-ranger';

interface ResourceSides {
  readonly requests: Fields;
  readonly limits: Fields;
}

const byName = (a: KubeObject, b: KubeObject): number => (a.metadata.name < b.metadata.name ? -1 : 1);

const limitsOf = (ranges: readonly KubeObject[], type: string): readonly Fields[] =>
  [...ranges]
    .sort(byName)
    .flatMap((range) => asRecords(asRecord(range['spec'])['limits']))
    .filter((limit) => limit['type'] === type);

/** The pod with the defaults of the ranges, and an annotation that says what was set. */
export function withLimitDefaults(pod: Pod, ranges: readonly KubeObject[]): Pod {
  const limits = limitsOf(ranges, 'Container');
  if (limits.length === 0) return pod;
  const notes: string[] = [];
  const fill = (container: Container, what: string): Container => {
    let { resources } = container;
    for (const limit of limits) {
      const added = { requests: [] as string[], limits: [] as string[] };
      const merge = (side: 'requests' | 'limits', defaults: unknown): Record<string, string | number> => {
        const own: Record<string, string | number> = { ...resources?.[side] };
        for (const [name, amount] of Object.entries(asRecord(defaults)))
          if (!Object.hasOwn(own, name)) {
            own[name] = amount as string;
            added[side].push(name);
          }
        return own;
      };
      const merged = {
        limits: merge('limits', limit['default']),
        requests: merge('requests', limit['defaultRequest']),
      };
      if (added.limits.length > 0) resources = { ...resources, limits: merged.limits };
      if (added.requests.length > 0) resources = { ...resources, requests: merged.requests };
      if (added.requests.length > 0)
        notes.push(`${added.requests.sort().join(', ')} request for ${what} ${container.name}`);
      if (added.limits.length > 0)
        notes.push(`${added.limits.sort().join(', ')} limit for ${what} ${container.name}`);
    }
    return resources === container.resources || !resources ? container : { ...container, resources };
  };
  const { spec, metadata } = pod;
  const containers = spec.containers.map((container) => fill(container, 'container'));
  const initContainers = spec.initContainers?.map((container) => fill(container, 'init container'));
  if (notes.length === 0) return pod;
  const note = `LimitRanger plugin set: ${notes.join('; ')}`;
  return {
    ...pod,
    metadata: { ...metadata, annotations: { ...metadata.annotations, [LIMIT_RANGER_ANNOTATION]: note } },
    spec: { ...spec, containers, ...(initContainers ? { initContainers } : {}) },
  };
}

/** Why the pod may not be; empty when it may. */
export function podComplaints(pod: Pod, ranges: readonly KubeObject[]): readonly string[] {
  const { containers, initContainers = [] } = pod.spec;
  const perContainer = limitsOf(ranges, 'Container').flatMap((limit) =>
    [...containers, ...initContainers].flatMap(({ resources }) =>
      complaintsOf(limit, {
        requests: asRecord(resources?.requests),
        limits: asRecord(resources?.limits),
      }),
    ),
  );
  const whole = {
    requests: texts(podQuantities(pod.spec, 'requests')),
    limits: texts(podQuantities(pod.spec, 'limits')),
  };
  return [...perContainer, ...limitsOf(ranges, 'Pod').flatMap((limit) => complaintsOf(limit, whole))];
}

/** A claim knows requests only: its size. */
export function claimComplaints(claim: KubeObject, ranges: readonly KubeObject[]): readonly string[] {
  const requests = asRecord(asRecord(asRecord(claim['spec'])['resources'])['requests']);
  const sides = { requests, limits: {} };
  return limitsOf(ranges, 'PersistentVolumeClaim').flatMap((limit) => [
    ...each(limit, 'min', sides, belowMinimum),
    ...each(limit, 'max', sides, ({ bound, enforced, request }) => {
      if (!request) return `${bound}.  No request is specified`;
      return isMore(request, enforced) ? `${bound}, but request is ${formatQuantity(request)}` : undefined;
    }),
  ]);
}

const complaintsOf = (limit: Fields, sides: ResourceSides): readonly string[] => [
  ...each(limit, 'min', sides, belowMinimum),
  ...each(limit, 'max', sides, aboveMaximum),
  ...each(limit, 'maxLimitRequestRatio', sides, aboveRatio),
];

/** One resource of a limit, and what is asked for it. */
interface Compared {
  /** `minimum cpu usage per Container is 50m` */
  readonly bound: string;
  readonly enforced: Quantity;
  readonly request: Quantity | undefined;
  readonly limit: Quantity | undefined;
}

const BOUNDS = {
  min: 'minimum',
  max: 'maximum',
  maxLimitRequestRatio: 'max limit to request ratio',
} as const;

function each(
  limit: Fields,
  field: keyof typeof BOUNDS,
  { requests, limits }: ResourceSides,
  complaint: (compared: Compared) => string | undefined,
): readonly string[] {
  const amounts = asRecord(limit[field]);
  return Object.keys(amounts)
    .sort()
    .flatMap((name) => {
      const enforced = parseQuantity(amounts[name]);
      if (!enforced) return [];
      const what =
        field === 'maxLimitRequestRatio' ? `${name} ${BOUNDS[field]}` : `${BOUNDS[field]} ${name} usage`;
      const bound = `${what} per ${asString(limit['type'])} is ${formatQuantity(enforced)}`;
      const of = (side: Fields): Quantity | undefined => parseQuantity(ownMember(side, name));
      return complaint({ bound, enforced, request: of(requests), limit: of(limits) }) ?? [];
    });
}

const isMore = (a: Quantity, b: Quantity): boolean => compareQuantities(a, b) > 0;

function belowMinimum({ bound, enforced, request, limit }: Compared): string | undefined {
  if (!request) return `${bound}.  No request is specified`;
  if (isMore(enforced, request)) return `${bound}, but request is ${formatQuantity(request)}`;
  if (limit && isMore(enforced, limit)) return `${bound}, but limit is ${formatQuantity(limit)}`;
  return undefined;
}

function aboveMaximum({ bound, enforced, request, limit }: Compared): string | undefined {
  if (!limit) return `${bound}.  No limit is specified`;
  if (isMore(limit, enforced)) return `${bound}, but limit is ${formatQuantity(limit)}`;
  if (request && isMore(request, enforced)) return `${bound}, but request is ${formatQuantity(request)}`;
  return undefined;
}

const RATIO_DIGITS = 6;

function aboveRatio({ bound, enforced, request, limit }: Compared): string | undefined {
  if (!request || request.nanos === 0n) return `${bound}, but no request is specified or request is 0`;
  if (!limit || limit.nanos === 0n) return `${bound}, but no limit is specified or limit is 0`;
  // limit / request > enforced, without a division: enforced is counted in billionths.
  if (limit.nanos * NANO <= enforced.nanos * request.nanos) return undefined;
  const ratio = Number(limit.nanos) / Number(request.nanos);
  return `${bound}, but provided ratio is ${ratio.toFixed(RATIO_DIGITS)}`;
}

const NANO = 1_000_000_000n;

const texts = (amounts: ReadonlyMap<string, Quantity>): Fields =>
  Object.fromEntries([...amounts].map(([name, amount]) => [name, formatQuantity(amount)]));
