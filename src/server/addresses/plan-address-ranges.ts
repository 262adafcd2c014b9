/**
 * The addresses of pods and Services of a cluster on this machine; pure. Two clusters, or a cluster
 * and a VPN, must not share addresses: probes would reach the pods of somebody else.
 *
 * A range that a flag names is used or refused. A new cluster gets the usual ranges, or the first
 * free ones. An established cluster (its network exists) always starts: its pods run already.
 */
import { cidrsOverlap } from '../../base/cidr.ts';

export interface AddressRanges {
  readonly clusterCidr: string;
  readonly serviceCidr: string;
}

/** Addresses that something else on this machine has. */
export type TakenRange =
  | {
      readonly type: 'network';
      readonly cidr: string;
      readonly name: string;
      /** The Symphony cluster that the network belongs to. */
      readonly cluster: string | undefined;
      readonly dockerHost: string;
    }
  | { readonly type: 'route'; readonly cidr: string; readonly device: string | undefined }
  /** A name server behind a router: its range has no route of its own. */
  | { readonly type: 'name server'; readonly cidr: string };

export interface MachineFacts {
  /** The subnet of the cluster's own network, where an Engine has one. */
  readonly own: string | undefined;
  /** An Engine did not answer: the cluster's network may be there. */
  readonly enginesAway: boolean;
  readonly taken: readonly TakenRange[];
}

export interface RangeFacts extends MachineFacts {
  readonly given: Partial<AddressRanges>;
  /** The ranges that an earlier start with this data directory used. */
  readonly remembered: AddressRanges | undefined;
  /** No cluster has been made in the data directory yet. */
  readonly isNew: boolean;
}

export type RangePlan =
  | {
      readonly type: 'use';
      readonly ranges: AddressRanges;
      /** Ranges that overlap with them all the same. */
      readonly overlaps: readonly TakenRange[];
      /** The usual ranges that were passed over, and why. */
      readonly avoided: readonly TakenRange[];
    }
  | { readonly type: 'refuse'; readonly problem: string };

/** The usual ranges first. The last are outside 10.0.0.0/8, which companies route as a whole. */
const CANDIDATES: readonly AddressRanges[] = [
  ...Array.from({ length: 11 }, (_, index) => ({
    clusterCidr: `10.${244 + index}.0.0/16`,
    serviceCidr: `10.${96 + index}.0.0/16`,
  })),
  { clusterCidr: '172.30.0.0/16', serviceCidr: '172.31.0.0/16' },
  { clusterCidr: '172.28.0.0/16', serviceCidr: '172.29.0.0/16' },
];
const [USUAL] = CANDIDATES as readonly [AddressRanges];

export function planAddressRanges(facts: RangeFacts): RangePlan {
  const { given, remembered, isNew, own, enginesAway, taken } = facts;
  const before = remembered?.clusterCidr ?? own;
  if (given.clusterCidr !== undefined && before !== undefined && given.clusterCidr !== before) {
    return refuse(
      `Cannot use --cluster-cidr ${given.clusterCidr}: the nodes of this cluster have addresses of ${before}; leave the flag out, or start a new cluster with another --data-dir`,
    );
  }
  const usual = isNew ? undefined : USUAL;
  const clusterCidr = given.clusterCidr ?? before ?? usual?.clusterCidr;
  const serviceCidr = given.serviceCidr ?? remembered?.serviceCidr ?? usual?.serviceCidr;
  const overlaps = clusterCidr === undefined ? [] : overlapping(clusterCidr, taken);
  const mayBeEstablished = clusterCidr === own || (enginesAway && !isNew);
  if (clusterCidr !== undefined && !mayBeEstablished && overlaps.length > 0) {
    const remedy = isNew ? chooseFree('--cluster-cidr', taken) : NEW_CLUSTER;
    return refuse(describeConflict('--cluster-cidr', clusterCidr, overlaps, remedy));
  }
  const serviceOverlaps = serviceCidr === undefined ? [] : overlapping(serviceCidr, taken);
  if (serviceCidr !== undefined && isNew && serviceOverlaps.length > 0)
    return refuse(
      describeConflict('--service-cidr', serviceCidr, serviceOverlaps, chooseFree('--service-cidr', taken)),
    );
  const ranges = firstFree({ clusterCidr, serviceCidr }, taken);
  if (ranges === undefined) {
    return refuse(
      'Cannot find free addresses for pods and Services on this machine; name free ones with --cluster-cidr and --service-cidr',
    );
  }
  if (cidrsOverlap(ranges.clusterCidr, ranges.serviceCidr)) {
    return refuse(
      `Cannot use ${ranges.clusterCidr} for pods and ${ranges.serviceCidr} for Services: they overlap; change --service-cidr`,
    );
  }
  const avoided = new Set([
    ...(clusterCidr === undefined ? overlapping(USUAL.clusterCidr, taken) : []),
    ...(serviceCidr === undefined ? overlapping(USUAL.serviceCidr, taken) : []),
  ]);
  const both = new Set([...overlaps, ...serviceOverlaps]);
  return { type: 'use', ranges, overlaps: [...both], avoided: [...avoided] };
}

/** The addresses of pods on a node that joins a cluster; its control plane has chosen them. */
export function planNodeRange(facts: MachineFacts & AddressRanges): {
  readonly problem?: string;
  readonly overlaps: readonly TakenRange[];
} {
  const { clusterCidr, serviceCidr, own, enginesAway, taken } = facts;
  if (own !== undefined && own !== clusterCidr) {
    return {
      problem: `Cannot use --cluster-cidr ${clusterCidr}: pods of this cluster run in its network ${own} here; start the agent with --cluster-cidr ${own}, or remove them first: symphony down`,
      overlaps: [],
    };
  }
  const both = [
    ['--cluster-cidr', clusterCidr, overlapping(clusterCidr, taken)],
    ['--service-cidr', serviceCidr, overlapping(serviceCidr, taken)],
  ] as const;
  const overlaps = [...new Set(both.flatMap(([, , found]) => found))];
  const conflict = both.find(([, , found]) => found.length > 0);
  if (own !== undefined || enginesAway || !conflict) return { overlaps };
  const [flag, cidr, found] = conflict;
  const problem = describeConflict(flag, cidr, found, chooseFree(flag, taken));
  return { problem: `${problem}\nThe control plane and all its agents need the same ${flag}`, overlaps };
}

const refuse = (problem: string): RangePlan => ({ type: 'refuse', problem });

const overlapping = (cidr: string, taken: readonly TakenRange[]): readonly TakenRange[] =>
  taken.filter((other) => cidrsOverlap(cidr, other.cidr));

/** Keeps the fixed ranges and takes the others from the first candidate that is free. */
function firstFree(
  fixed: { readonly [Key in keyof AddressRanges]: string | undefined },
  taken: readonly TakenRange[],
): AddressRanges | undefined {
  const { clusterCidr, serviceCidr } = fixed;
  if (clusterCidr !== undefined && serviceCidr !== undefined) return { clusterCidr, serviceCidr };
  return CANDIDATES.map((candidate) => ({
    clusterCidr: clusterCidr ?? candidate.clusterCidr,
    serviceCidr: serviceCidr ?? candidate.serviceCidr,
  })).find(
    (ranges) =>
      (clusterCidr !== undefined || overlapping(ranges.clusterCidr, taken).length === 0) &&
      (serviceCidr !== undefined || overlapping(ranges.serviceCidr, taken).length === 0) &&
      !cidrsOverlap(ranges.clusterCidr, ranges.serviceCidr),
  );
}

/** More names would not help a reader. */
const MAX_NAMED = 4;

type RangeFlag = '--cluster-cidr' | '--service-cidr';

function chooseFree(flag: RangeFlag, taken: readonly TakenRange[]): string {
  const free = firstFree({ clusterCidr: undefined, serviceCidr: undefined }, taken);
  const example = flag === '--cluster-cidr' ? free?.clusterCidr : free?.serviceCidr;
  return `Choose free addresses: ${flag} ${example ?? 'CIDR'}`;
}

/** Nodes keep their addresses, so that another range is no remedy. */
const NEW_CLUSTER =
  'The nodes of this cluster have these addresses. Start a new cluster with another --data-dir';

function describeConflict(
  flag: RangeFlag,
  cidr: string,
  overlaps: readonly TakenRange[],
  remedy: string,
): string {
  const conflict = `Cannot use ${cidr} (${flag}): it overlaps ${describeTaken(overlaps)}`;
  return [conflict, remedy, ...overlaps.slice(0, MAX_NAMED).flatMap(howToRemove)].join('\n');
}

export function describeTaken(ranges: readonly TakenRange[]): string {
  const named = ranges.slice(0, MAX_NAMED).map(describeOne);
  const more = ranges.length - named.length;
  return [...named, ...(more > 0 ? [`${more} more`] : [])].join(', ');
}

function describeOne(range: TakenRange): string {
  if (range.type === 'name server') return `a name server of this machine (${range.cidr})`;
  if (range.type === 'route') {
    const device = range.device === undefined ? '' : `, device ${range.device}`;
    return `a route or address of this machine (${range.cidr}${device})`;
  }
  const owner = range.cluster === undefined ? '' : ` of the Symphony cluster ${range.cluster}`;
  return `network "${range.name}" (${range.cidr})${owner} on the Docker Engine ${range.dockerHost}`;
}

/** Networks that the Engine itself makes and needs. */
const BUILT_IN = ['bridge', 'host', 'none', 'ingress', 'docker_gwbridge'];

function howToRemove(range: TakenRange): readonly string[] {
  if (range.type !== 'network' || BUILT_IN.includes(range.name)) return [];
  const { name, cluster } = range;
  if (cluster === undefined)
    return [`Or remove that network, where nothing needs it: docker network rm ${name}`];
  return [
    `Or remove the cluster ${cluster}: symphony down --data-dir DIR`,
    `  where its data directory is gone: docker ps -aq --filter label=symphony.dev/cluster=${cluster} | xargs -r docker rm -fv; docker network rm ${name}`,
  ];
}
