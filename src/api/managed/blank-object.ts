/**
 * What an object of a kind looks like upstream before anything is set: the members that Go writes even when they are
 * empty. A create owns what differs from this, so that it does not own `spec` as such.
 */
import { formatApiVersion, type KubeObject } from '../../schemas/object.ts';
import type { ResourceKind } from '../../schemas/resource-kind.ts';

const template = { metadata: {}, spec: { containers: null } };

const BLANKS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  Pod: { spec: { containers: null }, status: {} },
  Deployment: { spec: { selector: null, template, strategy: {} }, status: {} },
  ReplicaSet: { spec: { selector: null, template }, status: { replicas: 0 } },
  Service: { spec: {}, status: { loadBalancer: {} } },
  Node: { spec: {}, status: {} },
  Namespace: { spec: {}, status: {} },
  Lease: { spec: {} },
  Ingress: { spec: {}, status: { loadBalancer: {} } },
  IngressClass: { spec: {} },
  NetworkPolicy: { spec: { podSelector: {} } },
  PersistentVolume: { spec: {}, status: {} },
  PersistentVolumeClaim: { spec: { resources: {} }, status: {} },
  PodDisruptionBudget: { spec: {}, status: {} },
  ResourceQuota: { spec: {}, status: {} },
  LimitRange: { spec: { limits: null } },
  Event: {
    involvedObject: {},
    source: {},
    firstTimestamp: null,
    lastTimestamp: null,
    eventTime: null,
    reportingComponent: '',
    reportingInstance: '',
  },
};

export function blankObject({ group, version, kind }: ResourceKind): KubeObject {
  const metadata = {} as KubeObject['metadata'];
  return { apiVersion: formatApiVersion(group, version), kind, metadata, ...BLANKS[kind] };
}
