/** The summary of an object that the recorded stories keep of each of its states. */
import type { KubeObject } from '../../../src/schemas/object.ts';
import type { EndpointAddress, Endpoints, EndpointSlice } from '../../../src/schemas/types.ts';

export type ObjectSummary = Readonly<Record<string, unknown>>;

const PREFIX = 'deployment.kubernetes.io/';
const COUNTS = [
  'availableReplicas',
  'fullyLabeledReplicas',
  'readyReplicas',
  'replicas',
  'terminatingReplicas',
  'unavailableReplicas',
  'updatedReplicas',
];

interface Conditioned {
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly reason?: string;
  }[];
  readonly observedGeneration?: number;
  readonly phase?: string;
  readonly [field: string]: unknown;
}

/** For kinds whose states on the way are compared; others are compared by their end state. */
export function summarise(object: KubeObject): ObjectSummary {
  const status = (object['status'] ?? {}) as Conditioned;
  const annotations = object.metadata.annotations ?? {};
  const owners = object.metadata.ownerReferences?.map((owner) => `${owner.kind}/${owner.name}`);
  const common = {
    ...(object.metadata.deletionTimestamp ? { deleting: true } : {}),
    ...(object.metadata.finalizers ? { finalizers: object.metadata.finalizers } : {}),
    gen: object.metadata.generation,
    obs: status.observedGeneration ?? 0,
    spec: (object['spec'] as { replicas?: number } | undefined)?.replicas,
    status: Object.fromEntries(
      COUNTS.filter((key) => status[key] !== undefined).map((key) => [key, status[key]]),
    ),
  };
  const cond = Object.fromEntries(
    (status.conditions ?? []).map((c) => [c.type, `${c.status}/${c.reason ?? ''}`]),
  );
  switch (object.kind) {
    case 'Deployment': {
      const revision = annotations[`${PREFIX}revision`];
      return { cond, ...common, ...(revision ? { revision } : {}) };
    }
    case 'ReplicaSet': {
      const own = Object.entries(annotations).filter(([key]) => key.startsWith(PREFIX));
      const ann = Object.fromEntries(own.map(([key, value]) => [key.slice(PREFIX.length), value]));
      return {
        ann,
        ...(status.conditions?.length ? { cond } : {}),
        ...common,
        ...(owners ? { owners } : {}),
      };
    }
    case 'Endpoints':
      return summariseEndpoints(object);
    case 'EndpointSlice':
      return { ...summariseSlice(object as EndpointSlice), ...(owners ? { owners } : {}) };
    default:
      return { phase: status.phase };
  }
}

function summariseEndpoints({ metadata, subsets }: Endpoints): ObjectSummary {
  const names = (list: readonly EndpointAddress[]): unknown =>
    list.map(({ targetRef, ip }) => targetRef?.name ?? ip).sort();
  const short = (subsets ?? []).map(({ addresses = [], notReadyAddresses = [], ports = [] }) => ({
    ...(addresses.length > 0 ? { addresses: names(addresses) } : {}),
    ...(notReadyAddresses.length > 0 ? { notReady: names(notReadyAddresses) } : {}),
    ports: ports.map(({ name, port, protocol }) => ({ ...(name ? { name } : {}), port, protocol })),
  }));
  return { labels: metadata.labels, ...(short.length > 0 ? { subsets: short } : {}) };
}

function summariseSlice({ addressType, endpoints, ports }: EndpointSlice): ObjectSummary {
  const list = (endpoints ?? []).map(({ conditions, targetRef }) => ({
    conditions: ['ready', 'serving', 'terminating']
      .map((name) => `${name}=${String(conditions?.[name as 'ready'])}`)
      .join(','),
    pod: targetRef?.name,
  }));
  const short = (ports ?? []).map(({ name, port, protocol }) => ({ name, port, protocol }));
  return {
    ...(list.length > 0 ? { endpoints: list.sort((a, b) => ((a.pod ?? '') < (b.pod ?? '') ? -1 : 1)) } : {}),
    ...(short.length > 0 ? { ports: short } : {}),
    type: addressType,
  };
}
