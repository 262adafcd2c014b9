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
  ReplicationController: { spec: {}, status: { replicas: 0 } },
  PodTemplate: { template },
  ControllerRevision: { revision: 0 },
  Service: { spec: {}, status: { loadBalancer: {} } },
  Node: { spec: {}, status: {} },
  Namespace: { spec: {}, status: {} },
  Lease: { spec: {} },
  CustomResourceDefinition: {
    spec: { group: '', names: { plural: '', kind: '' }, scope: '', versions: null },
    status: { conditions: null, acceptedNames: { plural: '', kind: '' }, storedVersions: null },
  },
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

export function blankObject({ group, version, kind, custom, storage }: ResourceKind): KubeObject {
  const metadata = {} as KubeObject['metadata'];
  const blank = custom ? {} : BLANKS[kind];
  const object = { apiVersion: formatApiVersion(group, version), kind, metadata, ...blank };
  return storage && !custom ? storage.fromStored(object) : object;
}
