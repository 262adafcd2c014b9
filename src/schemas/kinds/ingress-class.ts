import { AGE, column, nameWithDefault, NONE, tableOf } from '../tables/columns.ts';
import { asRecord, asString, isAbsent } from '../json-access.ts';
import { fill, part } from '../defaults/draft.ts';
import { validateIngressClass, validateIngressClassUpdate } from '../validation/ingress.ts';
import { defineKind } from './define-kind.ts';

export const ingressClassKind = defineKind({
  group: 'networking.k8s.io',
  kind: 'IngressClass',
  namespaced: false,
  applyOrder: 90,
  countsGeneration: true,
  table: tableOf(
    nameWithDefault('ingressclass.kubernetes.io/is-default-class'),
    column('Controller', 'spec.controller'),
    column('Parameters', ({ spec }) => referenceText(asRecord(spec)['parameters'])),
    AGE,
  ),
  fillDefaults: (draft) => fill(part(part(draft, 'spec'), 'parameters'), { scope: 'Cluster' }),
  validate: validateIngressClass,
  validateUpdate: validateIngressClassUpdate,
});

/** `Kind.group/name`. */
function referenceText(reference: unknown): string {
  if (isAbsent(reference)) return NONE;
  const { apiGroup, kind, name } = asRecord(reference);
  const group = asString(apiGroup);
  return `${asString(kind)}${group === '' ? '' : `.${group}`}/${asString(name)}`;
}
