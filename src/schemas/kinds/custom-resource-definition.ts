import { CREATED_AT, NAME, tableOf } from '../tables/columns.ts';
import { asList, asRecord, asRecords, asString } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { fill, part } from '../defaults/draft.ts';
import {
  CLEANUP_FINALIZER,
  validateDefinition,
  validateDefinitionStatus,
  validateDefinitionUpdate,
} from '../custom/index.ts';
import { defineKind } from './define-kind.ts';

/** `status.storedVersions` names the stored version until somebody has migrated the objects. */
function withStoredVersion(object: KubeObject): KubeObject {
  const storage = asRecords(asRecord(object['spec'])['versions']).find(
    (version) => version['storage'] === true,
  );
  const status = asRecord(object['status']);
  const stored = asList(status['storedVersions']);
  const name = asString(storage?.['name']);
  if (name === '' || stored.includes(name)) return object;
  return { ...object, status: { ...status, storedVersions: [...stored, name] } };
}

/** The status before the first reconcile. Absent lists are null, as upstream writes them. */
const INITIAL_STATUS = {
  conditions: null,
  acceptedNames: { plural: '', kind: '' },
  storedVersions: [],
} as const;

export const customResourceDefinitionKind = defineKind({
  group: 'apiextensions.k8s.io',
  kind: 'CustomResourceDefinition',
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  namespaced: false,
  subresources: ['status'],
  // Before objects of the kinds that it defines, after namespaces and nodes.
  applyOrder: 6,
  countsGeneration: true,
  // The name follows from group and plural: see validateDefinition.
  nameRule: () => [],
  table: tableOf(NAME, CREATED_AT),
  anyFinalizer: true,
  deletionFinalizer: CLEANUP_FINALIZER,
  fillDefaults(draft) {
    fill(part(draft, 'status'), { conditions: INITIAL_STATUS.conditions });
    const spec = part(draft, 'spec');
    if (!spec) return;
    const names = asRecord(spec['names']);
    const kind = asString(names['kind']);
    if (kind !== '')
      spec['names'] = {
        ...names,
        singular: asString(names['singular']) || kind.toLowerCase(),
        listKind: asString(names['listKind']) || `${kind}List`,
      };
    fill(spec, { conversion: { strategy: 'None' } });
    // Upstream leaves it out where it is false.
    if (spec['preserveUnknownFields'] === false) delete spec['preserveUnknownFields'];
  },
  initialStatus: () => INITIAL_STATUS,
  validate: validateDefinition,
  validateUpdate: validateDefinitionUpdate,
  validateStatus: validateDefinitionStatus,
  prepareForCreate: withStoredVersion,
  prepareForUpdate: withStoredVersion,
});
