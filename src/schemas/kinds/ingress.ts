import { AGE, column, NAME, NONE, shortList, tableOf, textOr } from '../tables/columns.ts';
import { asList, asRecord, asRecords, asString, getPath } from '../json-access.ts';
import { validateIngress, validateIngressStatus } from '../validation/ingress.ts';
import { defineKind } from './define-kind.ts';

export const ingressKind = defineKind({
  group: 'networking.k8s.io',
  kind: 'Ingress',
  shortNames: ['ing'],
  subresources: ['status'],
  applyOrder: 160,
  countsGeneration: true,
  table: tableOf(
    NAME,
    column('Class', textOr('spec.ingressClassName', NONE)),
    column('Hosts', ({ spec }) =>
      shortList(textsOf(asRecords(asRecord(spec)['rules']).map(({ host }) => host)), '*'),
    ),
    column('Address', ({ status }) =>
      textsOf(
        asRecords(getPath(status, 'loadBalancer', 'ingress')).map(({ ip, hostname }) => ip || hostname),
      ).join(','),
    ),
    column('Ports', ({ spec }) => (asList(asRecord(spec)['tls']).length > 0 ? '80, 443' : '80')),
    AGE,
  ),
  initialStatus: () => ({ loadBalancer: {} }),
  validate: validateIngress,
  validateStatus: validateIngressStatus,
});

function textsOf(values: readonly unknown[]): readonly string[] {
  return values.map(asString).filter((text) => text !== '');
}
