import { AGE, column, NAME, tableOf } from '../tables/columns.ts';
import { textFields } from '../values/field-selectors.ts';
import { isRecord } from '../../base/json.ts';
import { asList, asRecord, asString, getPath } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { dns1123Label, qualifiedName } from '../validation/names.ts';
import { type FieldErrors, invalid, invalidAll } from '../validation/report.ts';
import { part } from '../defaults/draft.ts';
import { validateFinalizerDomain } from '../validation/metadata.ts';
import { defineKind } from './define-kind.ts';

const NAME_LABEL = 'kubernetes.io/metadata.name';
const FINALIZER = 'kubernetes';

/** The finalizer keeps a deleted namespace until its contents are gone. */
function withFinalizer(object: KubeObject): KubeObject {
  const finalizers = asList(getPath(object, 'spec', 'finalizers'));
  if (finalizers.includes(FINALIZER)) return object;
  return { ...object, spec: { ...asRecord(object['spec']), finalizers: [...finalizers, FINALIZER] } };
}

/** Every namespace can be selected by its name. */
function withNameLabel(object: KubeObject): KubeObject {
  const { labels, name } = object.metadata;
  if (labels !== undefined && !isRecord(labels)) return object;
  return { ...object, metadata: { ...object.metadata, labels: { ...labels, [NAME_LABEL]: name } } };
}

export const namespaceKind = defineKind({
  group: '',
  kind: 'Namespace',
  shortNames: ['ns'],
  namespaced: false,
  subresources: ['status', 'finalize'],
  applyOrder: 0,
  nameRule: dns1123Label,
  table: tableOf(NAME, column('Status', 'status.phase', { description: 'The status of the namespace' }), AGE),
  selectable: { ...textFields('status.phase'), name: ({ metadata }) => asString(metadata.name) },
  fillDefaults(draft) {
    const metadata = part(draft, 'metadata');
    const name = metadata?.['name'];
    if (!metadata || typeof name !== 'string' || name === '') return;
    metadata['labels'] ??= {};
    const labels = part(metadata, 'labels');
    if (labels) labels[NAME_LABEL] = name;
  },
  initialStatus: () => ({ phase: 'Active' }),
  prepareForCreate: (object) => withFinalizer(withNameLabel(object)),
  prepareForUpdate: (next, current) =>
    withNameLabel({
      ...next,
      spec: { ...asRecord(next['spec']), finalizers: getPath(current, 'spec', 'finalizers') },
    }),
  validate: (object) => validateFinalizers(object, () => 'spec.finalizers'),
  validateStatus: validateNamespaceStatus,
  validateSubresource: (next, _, subresource) =>
    subresource === 'finalize' ? validateFinalizers(next, (index) => `spec.finalizers[${index}]`) : [],
});

/** A namespace is Active until it is deleted, and Terminating from then on. */
function validateNamespaceStatus(next: KubeObject): FieldErrors {
  const phase = asString(getPath(next, 'status', 'phase')) || 'Active';
  const isDeleted = next.metadata.deletionTimestamp !== undefined;
  const wanted = isDeleted ? 'Terminating' : 'Active';
  if (phase === wanted) return [];
  const detail = `may only be '${wanted}' if \`deletionTimestamp\` is ${isDeleted ? 'not ' : ''}empty`;
  return [invalid('status.Phase', phase, detail)];
}

/** Upstream names the index at the subresource only. */
function validateFinalizers(object: KubeObject, pathOf: (index: number) => string): FieldErrors {
  return asList(getPath(object, 'spec', 'finalizers'))
    .map(asString)
    .flatMap((name, index) => [
      ...invalidAll(pathOf(index), name, qualifiedName(name)),
      ...validateFinalizerDomain(name, pathOf(index)),
    ]);
}
