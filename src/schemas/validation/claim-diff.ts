/**
 * How upstream shows what was changed in the spec of a claim that must not change: a unified diff
 * of both specs, written as JSON with the names that the fields have in its own code, in the order
 * in which they stand there. Pure.
 */
import { isRecord } from '../../base/json.ts';
import { asRecord } from '../json-access.ts';

interface Field {
  readonly json: string;
  readonly go: string;
  /** The text for an unset value. */
  readonly unset: '' | null | false;
  readonly fields?: readonly Field[];
  readonly isSelector?: true;
}

const text = (json: string, go: string): Field => ({ json, go, unset: '' });
const nullable = (json: string, go: string, rest: Partial<Field> = {}): Field => ({
  json,
  go,
  unset: null,
  ...rest,
});

const RESOURCES = [nullable('limits', 'Limits'), nullable('requests', 'Requests')];
const SOURCE = [nullable('apiGroup', 'APIGroup'), text('kind', 'Kind'), text('name', 'Name')];
const SPEC: readonly Field[] = [
  nullable('accessModes', 'AccessModes'),
  nullable('selector', 'Selector', { isSelector: true }),
  { json: 'resources', go: 'Resources', unset: '', fields: RESOURCES },
  text('volumeName', 'VolumeName'),
  nullable('storageClassName', 'StorageClassName'),
  nullable('volumeMode', 'VolumeMode'),
  nullable('dataSource', 'DataSource', { fields: SOURCE }),
  nullable('dataSourceRef', 'DataSourceRef', { fields: [...SOURCE, nullable('namespace', 'Namespace')] }),
  nullable('volumeAttributesClassName', 'VolumeAttributesClassName'),
];

/** As Go would marshal the struct: every field is there, and what is not set is empty or null. */
function written(value: unknown, fields: readonly Field[]): Record<string, unknown> {
  const record = asRecord(value);
  return Object.fromEntries(
    fields.map((field) => {
      const given = record[field.json] ?? undefined;
      if (field.isSelector) return [field.go, selectorOf(given)];
      if (given === undefined && (field.unset === null || !field.fields)) return [field.go, field.unset];
      return [field.go, field.fields ? written(given, field.fields) : given];
    }),
  );
}

/** Label selectors have JSON names upstream as well, and leave out what is empty. */
function selectorOf(given: unknown): unknown {
  if (!isRecord(given)) return null;
  const { matchLabels, matchExpressions } = given;
  return {
    ...(isRecord(matchLabels) ? { matchLabels } : {}),
    ...(Array.isArray(matchExpressions) ? { matchExpressions: matchExpressions.map(requirement) } : {}),
  };
}

function requirement(one: unknown): unknown {
  const { key, operator, values } = asRecord(one);
  return { key, operator, values };
}

/** Empty where nothing differs. Ends with a line's end. */
export function claimSpecDiff(before: unknown, after: unknown): string {
  const lines = (spec: unknown): readonly string[] =>
    JSON.stringify(written(spec, SPEC), null, 1).split('\n');
  return unifiedDiff(lines(before), lines(after));
}

const READ_ONLY: Field = { json: 'readOnly', go: 'ReadOnly', unset: null };
const SECRETS = ['ControllerPublish', 'NodeStage', 'NodePublish', 'ControllerExpand', 'NodeExpand'];
/** Sources of volumes in the order of upstream's struct; rare ones keep the API's names. */
const SOURCES: readonly Field[] = [
  nullable('gcePersistentDisk', 'GCEPersistentDisk'),
  nullable('awsElasticBlockStore', 'AWSElasticBlockStore'),
  nullable('hostPath', 'HostPath', { fields: [text('path', 'Path'), nullable('type', 'Type')] }),
  nullable('glusterfs', 'Glusterfs'),
  nullable('nfs', 'NFS', {
    fields: [text('server', 'Server'), text('path', 'Path'), { ...READ_ONLY, unset: false }],
  }),
  nullable('rbd', 'RBD'),
  nullable('quobyte', 'Quobyte'),
  nullable('iscsi', 'ISCSI'),
  nullable('flexVolume', 'FlexVolume'),
  nullable('cinder', 'Cinder'),
  nullable('cephfs', 'CephFS'),
  nullable('fc', 'FC'),
  nullable('flocker', 'Flocker'),
  nullable('azureFile', 'AzureFile'),
  nullable('vsphereVolume', 'VsphereVolume'),
  nullable('azureDisk', 'AzureDisk'),
  nullable('photonPersistentDisk', 'PhotonPersistentDisk'),
  nullable('portworxVolume', 'PortworxVolume'),
  nullable('scaleIO', 'ScaleIO'),
  nullable('local', 'Local', { fields: [text('path', 'Path'), nullable('fsType', 'FSType')] }),
  nullable('storageos', 'StorageOS'),
  nullable('csi', 'CSI', {
    fields: [
      text('driver', 'Driver'),
      text('volumeHandle', 'VolumeHandle'),
      { ...READ_ONLY, unset: false },
      text('fsType', 'FSType'),
      nullable('volumeAttributes', 'VolumeAttributes'),
      ...SECRETS.map((name) =>
        nullable(`${name.charAt(0).toLowerCase()}${name.slice(1)}SecretRef`, `${name}SecretRef`, {
          fields: [text('name', 'Name'), text('namespace', 'Namespace')],
        }),
      ),
    ],
  }),
];

/** As {@link claimSpecDiff}, of where a volume lies. */
export function volumeSourceDiff(before: unknown, after: unknown): string {
  const lines = (sources: unknown): readonly string[] =>
    JSON.stringify(written(sources, SOURCES), null, 1).split('\n');
  return unifiedDiff(lines(before), lines(after));
}

const CONTEXT = 3;

interface Edit {
  readonly mark: ' ' | '-' | '+';
  readonly line: string;
}

/** Hunks with three lines around each change, without file names. */
export function unifiedDiff(before: readonly string[], after: readonly string[]): string {
  const edits = editsOf(before, after);
  const near = edits.map((_, at) =>
    edits.slice(Math.max(0, at - CONTEXT), at + CONTEXT + 1).some(({ mark }) => mark !== ' '),
  );
  const text: string[] = [];
  let [oldLine, newLine] = [1, 1];
  for (let at = 0; at < edits.length; ) {
    let end = at;
    while (end < edits.length && near[end] === near[at]) end += 1;
    const part = edits.slice(at, end);
    const olds = part.filter(({ mark }) => mark !== '+').length;
    const news = part.filter(({ mark }) => mark !== '-').length;
    if (near[at]) {
      text.push(`@@ -${range(oldLine, olds)} +${range(newLine, news)} @@`);
      for (const { mark, line } of part) text.push(`${mark}${line}`);
    }
    oldLine += olds;
    newLine += news;
    at = end;
  }
  return text.map((line) => `${line}\n`).join('');
}

function range(start: number, length: number): string {
  if (length === 1) return String(start);
  return `${length === 0 ? start - 1 : start},${length}`;
}

/** A table of this size takes milliseconds; longer texts are shown as wholly replaced. */
const MAX_CELLS = 1_000_000;

/** Compares by the longest common subsequence. Removed lines stand before added ones. */
function editsOf(before: readonly string[], after: readonly string[]): readonly Edit[] {
  if (before.length * after.length > MAX_CELLS)
    return [
      ...before.map((line) => ({ mark: '-', line }) as const),
      ...after.map((line) => ({ mark: '+', line }) as const),
    ];
  const length = before.map(() => after.map(() => 0));
  const at = (row: number, column: number): number => length[row]?.[column] ?? 0;
  for (let row = before.length - 1; row >= 0; row -= 1)
    for (let column = after.length - 1; column >= 0; column -= 1) {
      const cells = length[row];
      if (cells)
        cells[column] =
          before[row] === after[column]
            ? at(row + 1, column + 1) + 1
            : Math.max(at(row + 1, column), at(row, column + 1));
    }
  const edits: Edit[] = [];
  let [row, column] = [0, 0];
  while (row < before.length || column < after.length) {
    const [old = '', next = ''] = [before[row], after[column]];
    const isSame = row < before.length && column < after.length && old === next;
    if (isSame) {
      edits.push({ mark: ' ', line: old });
      row += 1;
      column += 1;
    } else if (
      row < before.length &&
      (column >= after.length || at(row + 1, column) >= at(row, column + 1))
    ) {
      edits.push({ mark: '-', line: old });
      row += 1;
    } else {
      edits.push({ mark: '+', line: next });
      column += 1;
    }
  }
  return edits;
}
