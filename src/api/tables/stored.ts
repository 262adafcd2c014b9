/** Tables of the kinds that are only stored: classes, claims, policies, endpoints. Upstream's columns and words. */
import {
  asList,
  asNumber,
  asRecord,
  asRecords,
  asString,
  getPath,
  isAbsent,
} from '../../schemas/json-access.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { since } from './duration.ts';
import { selectorText } from './selector-text.ts';
import { ageColumn, type Cell, column, NONE, nameColumn, type TableFormat, wide } from './types.ts';

const UNSET = '<unset>';
/** So many addresses are shown; the rest is counted. */
const SHOWN_ADDRESSES = 3;

const age = ({ metadata }: KubeObject, nowMs: number): Cell => since(metadata.creationTimestamp, nowMs);

/** `a,b,c + 2 more...`, or what stands for nothing. */
function shortList(items: readonly string[], nothing: string): string {
  if (items.length === 0) return nothing;
  const rest = items.length - SHOWN_ADDRESSES;
  return items.slice(0, SHOWN_ADDRESSES).join(',') + (rest > 0 ? ` + ${rest} more...` : '');
}

function withDefaultMark({ metadata }: KubeObject, annotation: string): string {
  return metadata.annotations?.[annotation] === 'true' ? `${metadata.name} (default)` : metadata.name;
}

export const endpointsTable: TableFormat = {
  columns: [nameColumn, column('Endpoints'), ageColumn],
  cells(object, nowMs) {
    const addresses = asRecords(object['subsets']).flatMap((subset) => {
      const ports = asRecords(subset['ports']);
      const ips = asRecords(subset['addresses']).map(({ ip }) => asString(ip));
      if (ports.length === 0) return ips;
      return ports.flatMap(({ port }) =>
        ips.map((ip) => `${ip.includes(':') ? `[${ip}]` : ip}:${Number(port)}`),
      );
    });
    return [object.metadata.name, shortList(addresses, NONE), age(object, nowMs)];
  },
};

export const endpointSliceTable: TableFormat = {
  columns: [nameColumn, column('AddressType'), column('Ports'), column('Endpoints'), ageColumn],
  cells(object, nowMs) {
    const ports = asRecords(object['ports']).map(({ port }) => (isAbsent(port) ? '*' : String(Number(port))));
    const addresses = asRecords(object['endpoints']).flatMap((endpoint) =>
      asList(endpoint['addresses']).map(asString),
    );
    return [
      object.metadata.name,
      asString(object['addressType']),
      shortList(ports, UNSET),
      shortList(addresses, UNSET),
      age(object, nowMs),
    ];
  },
};

/** `pods: 1/10, requests.cpu: 2/4`; limits have a column of their own. */
export const resourceQuotaTable: TableFormat = {
  columns: [nameColumn, column('Request'), column('Limit'), ageColumn],
  cells(object, nowMs) {
    const hard = asRecord(getPath(object, 'status', 'hard'));
    const used = asRecord(getPath(object, 'status', 'used'));
    const text = (wanted: (resource: string) => boolean): string =>
      Object.keys(hard)
        .filter(wanted)
        .sort()
        .map((resource) => `${resource}: ${asString(used[resource]) || '0'}/${asString(hard[resource])}`)
        .join(', ');
    const isLimit = (resource: string): boolean => resource.startsWith('limits.');
    return [object.metadata.name, text((resource) => !isLimit(resource)), text(isLimit), age(object, nowMs)];
  },
};

export const ingressTable: TableFormat = {
  columns: [nameColumn, column('Class'), column('Hosts'), column('Address'), column('Ports'), ageColumn],
  cells(object, nowMs) {
    const spec = asRecord(object['spec']);
    const hosts = asRecords(spec['rules'])
      .map(({ host }) => asString(host))
      .filter((host) => host !== '');
    const addresses = asRecords(getPath(object, 'status', 'loadBalancer', 'ingress'))
      .map(({ ip, hostname }) => asString(ip) || asString(hostname))
      .filter((address) => address !== '');
    return [
      object.metadata.name,
      asString(spec['ingressClassName']) || NONE,
      shortList(hosts, '*'),
      addresses.join(','),
      asList(spec['tls']).length > 0 ? '80, 443' : '80',
      age(object, nowMs),
    ];
  },
};

export const ingressClassTable: TableFormat = {
  columns: [nameColumn, column('Controller'), column('Parameters'), ageColumn],
  cells(object, nowMs) {
    const { controller, parameters } = asRecord(object['spec']);
    const { apiGroup, kind, name } = asRecord(parameters);
    const group = asString(apiGroup);
    const reference = `${asString(kind)}${group === '' ? '' : `.${group}`}/${asString(name)}`;
    return [
      withDefaultMark(object, 'ingressclass.kubernetes.io/is-default-class'),
      asString(controller),
      isAbsent(parameters) ? NONE : reference,
      age(object, nowMs),
    ];
  },
};

export const networkPolicyTable: TableFormat = {
  columns: [nameColumn, column('Pod-Selector'), ageColumn],
  cells: (object, nowMs) => [
    object.metadata.name,
    selectorText(getPath(object, 'spec', 'podSelector')),
    age(object, nowMs),
  ],
};

const ACCESS_MODES: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};

function modesText(modes: unknown): string {
  const given = asList(modes).map(asString);
  return Object.keys(ACCESS_MODES)
    .filter((mode) => given.includes(mode))
    .map((mode) => ACCESS_MODES[mode])
    .join(',');
}

export const persistentVolumeTable: TableFormat = {
  columns: [
    nameColumn,
    column('Capacity'),
    column('Access Modes'),
    column('Reclaim Policy'),
    column('Status'),
    column('Claim'),
    column('StorageClass'),
    column('VolumeAttributesClass'),
    column('Reason'),
    ageColumn,
    wide('VolumeMode'),
  ],
  cells(object, nowMs) {
    const spec = asRecord(object['spec']);
    const status = asRecord(object['status']);
    const { namespace, name } = asRecord(spec['claimRef']);
    return [
      object.metadata.name,
      asString(getPath(spec, 'capacity', 'storage')),
      modesText(spec['accessModes']),
      asString(spec['persistentVolumeReclaimPolicy']),
      object.metadata.deletionTimestamp === undefined ? asString(status['phase']) : 'Terminating',
      isAbsent(spec['claimRef']) ? '' : `${asString(namespace)}/${asString(name)}`,
      asString(spec['storageClassName']),
      asString(spec['volumeAttributesClassName']) || UNSET,
      asString(status['reason']),
      age(object, nowMs),
      asString(spec['volumeMode']) || UNSET,
    ];
  },
};

export const volumeClaimTable: TableFormat = {
  columns: [
    nameColumn,
    column('Status'),
    column('Volume'),
    column('Capacity'),
    column('Access Modes'),
    column('StorageClass'),
    column('VolumeAttributesClass'),
    ageColumn,
    wide('VolumeMode'),
  ],
  cells(object, nowMs) {
    const spec = asRecord(object['spec']);
    const status = asRecord(object['status']);
    const volume = asString(spec['volumeName']);
    return [
      object.metadata.name,
      object.metadata.deletionTimestamp === undefined ? asString(status['phase']) : 'Terminating',
      volume,
      volume === '' ? '' : asString(getPath(status, 'capacity', 'storage')) || '0',
      volume === '' ? '' : modesText(status['accessModes']),
      asString(spec['storageClassName']),
      asString(spec['volumeAttributesClassName']) || UNSET,
      age(object, nowMs),
      asString(spec['volumeMode']) || UNSET,
    ];
  },
};

export const storageClassTable: TableFormat = {
  columns: [
    nameColumn,
    column('Provisioner'),
    column('ReclaimPolicy'),
    column('VolumeBindingMode'),
    column('AllowVolumeExpansion'),
    ageColumn,
  ],
  cells: (object, nowMs) => [
    withDefaultMark(object, 'storageclass.kubernetes.io/is-default-class'),
    asString(object['provisioner']),
    asString(object['reclaimPolicy']),
    asString(object['volumeBindingMode']),
    object['allowVolumeExpansion'] === true,
    age(object, nowMs),
  ],
};

export const priorityClassTable: TableFormat = {
  columns: [
    nameColumn,
    column('Value', { type: 'integer' }),
    column('Global-Default', { type: 'boolean' }),
    ageColumn,
    column('PreemptionPolicy'),
  ],
  cells: (object, nowMs) => [
    object.metadata.name,
    asNumber(object['value']) ?? 0,
    object['globalDefault'] === true,
    age(object, nowMs),
    asString(object['preemptionPolicy']),
  ],
};

export const limitRangeTable: TableFormat = {
  columns: [nameColumn, column('Created At', { type: 'date' })],
  cells: ({ metadata }) => [metadata.name, metadata.creationTimestamp ?? null],
};

export const runtimeClassTable: TableFormat = {
  columns: [nameColumn, column('Handler'), ageColumn],
  cells: (object, nowMs) => [object.metadata.name, asString(object['handler']), age(object, nowMs)],
};

const amountText = (value: unknown): string =>
  typeof value === 'number' || typeof value === 'string' ? `${value}` : 'N/A';

export const disruptionBudgetTable: TableFormat = {
  columns: [
    nameColumn,
    column('Min Available'),
    column('Max Unavailable'),
    column('Allowed Disruptions', { type: 'integer' }),
    ageColumn,
  ],
  cells(object, nowMs) {
    const spec = asRecord(object['spec']);
    return [
      object.metadata.name,
      amountText(spec['minAvailable']),
      amountText(spec['maxUnavailable']),
      asNumber(getPath(object, 'status', 'disruptionsAllowed')) ?? 0,
      age(object, nowMs),
    ];
  },
};
