/** The table of a kind, and the `meta.k8s.io/v1` Table made of it. */
import { ownMember } from '../../base/json.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { resourceIdOf, type ServedResource } from '../../schemas/resource-kind.ts';
import { applicationTable } from './application.ts';
import { signingRequestTable } from './certificates.ts';
import { customTable, definitionTable } from './custom.ts';
import { deploymentTable } from './deployment.ts';
import { eventTable, eventV1Table } from './event.ts';
import { nodeMetricsTable, podMetricsTable } from './metrics.ts';
import { nodeTable } from './node.ts';
import { podTable } from './pod.ts';
import { bindingTable, roleTable } from './rbac.ts';
import { replicaSetTable } from './replica-set.ts';
import { serviceTable } from './service.ts';
import { podTemplateTable } from './pod-template.ts';
import { controllerRevisionTable } from './controller-revision.ts';
import { configMapTable, defaultTable, leaseTable, namespaceTable, secretTable } from './simple.ts';
import {
  disruptionBudgetTable,
  endpointSliceTable,
  endpointsTable,
  ingressClassTable,
  ingressTable,
  limitRangeTable,
  networkPolicyTable,
  persistentVolumeTable,
  priorityClassTable,
  resourceQuotaTable,
  runtimeClassTable,
  storageClassTable,
  volumeClaimTable,
} from './stored.ts';
import type { Cell, RowCondition, TableColumn, TableFormat } from './types.ts';

const tables: Readonly<Record<string, TableFormat>> = {
  pods: podTable,
  nodes: nodeTable,
  services: serviceTable,
  events: eventTable,
  'events.events.k8s.io': eventV1Table,
  configmaps: configMapTable,
  secrets: secretTable,
  namespaces: namespaceTable,
  'deployments.apps': deploymentTable,
  'replicasets.apps': replicaSetTable,
  replicationcontrollers: replicaSetTable,
  podtemplates: podTemplateTable,
  'controllerrevisions.apps': controllerRevisionTable,
  'leases.coordination.k8s.io': leaseTable,
  'certificatesigningrequests.certificates.k8s.io': signingRequestTable,
  'nodes.metrics.k8s.io': nodeMetricsTable,
  'pods.metrics.k8s.io': podMetricsTable,
  'applications.argoproj.io': applicationTable,
  resourcequotas: resourceQuotaTable,
  'poddisruptionbudgets.policy': disruptionBudgetTable,
  'endpointslices.discovery.k8s.io': endpointSliceTable,
  endpoints: endpointsTable,
  'ingressclasses.networking.k8s.io': ingressClassTable,
  'ingresses.networking.k8s.io': ingressTable,
  limitranges: limitRangeTable,
  'networkpolicies.networking.k8s.io': networkPolicyTable,
  persistentvolumes: persistentVolumeTable,
  'priorityclasses.scheduling.k8s.io': priorityClassTable,
  'runtimeclasses.node.k8s.io': runtimeClassTable,
  'customresourcedefinitions.apiextensions.k8s.io': definitionTable,
  'storageclasses.storage.k8s.io': storageClassTable,
  persistentvolumeclaims: volumeClaimTable,
  'roles.rbac.authorization.k8s.io': roleTable,
  'clusterroles.rbac.authorization.k8s.io': roleTable,
  'rolebindings.rbac.authorization.k8s.io': bindingTable,
  'clusterrolebindings.rbac.authorization.k8s.io': bindingTable,
};

export function tableOf(kind: Pick<ServedResource, 'group' | 'plural' | 'custom'>): TableFormat {
  if (kind.custom) return customTable(kind.custom);
  return ownMember(tables, resourceIdOf(kind)) ?? defaultTable;
}

export type IncludeObject = 'None' | 'Metadata' | 'Object';

export interface TableRow {
  readonly cells: readonly Cell[];
  readonly conditions?: readonly RowCondition[];
  readonly object: unknown;
}

export interface Table {
  readonly kind: 'Table';
  readonly apiVersion: 'meta.k8s.io/v1';
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly columnDefinitions: readonly TableColumn[] | null;
  readonly rows: readonly TableRow[];
}

export interface TableRequest {
  readonly kind: ServedResource;
  readonly objects: readonly KubeObject[];
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly includeObject: IncludeObject;
  readonly nowMs: number;
  /** Watches send the columns only with the first event. */
  readonly withColumns?: boolean;
}

export function toTable(request: TableRequest): Table {
  const format = tableOf(request.kind);
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: request.metadata,
    columnDefinitions: request.withColumns === false ? null : format.columns,
    rows: request.objects.map((object) => rowOf(format, object, request)),
  };
}

function rowOf(format: TableFormat, object: KubeObject, request: TableRequest): TableRow {
  const conditions = format.conditions?.(object) ?? [];
  return {
    cells: format.cells(object, request.nowMs),
    ...(conditions.length > 0 ? { conditions } : {}),
    object: included(object, request.includeObject),
  };
}

function included(object: KubeObject, include: IncludeObject): unknown {
  if (include === 'None') return null;
  return include === 'Object' ? object : partialObjectMetadata(object);
}

export function partialObjectMetadata(object: KubeObject): KubeObject {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
}
