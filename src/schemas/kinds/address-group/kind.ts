import { asRecord, asRecords, asString } from '../../json-access.ts';
import { AGE, column, NAME, NONE, shortList, tableOf, textOr } from '../../tables/columns.ts';
import { selectorText } from '../../tables/selector-text.ts';
import { defineKind } from '../define-kind.ts';
import { validateAddressGroup, validateAddressGroupUpdate } from './validation.ts';

/** The addresses of pods that NetworkPolicies name; see `schemas/address-groups.ts`. */
export const addressGroupKind = defineKind({
  group: 'symphony.dev',
  version: 'v1alpha1',
  kind: 'AddressGroup',
  namespaced: false,
  applyOrder: 105,
  verbs: ['get', 'list', 'watch'],
  defaultRoles: 'view',
  table: tableOf(
    NAME,
    column('Namespace', textOr('spec.namespace', NONE)),
    column('Namespace-Selector', ({ spec }) => selectorText(asRecord(spec)['namespaceSelector'])),
    column('Pod-Selector', ({ spec }) => selectorText(asRecord(spec)['podSelector'])),
    column('Addresses', ({ addresses }) =>
      shortList(
        asRecords(addresses).map(({ ip }) => asString(ip)),
        NONE,
      ),
    ),
    AGE,
  ),
  itemsOf: ({ addresses }) => asRecords(addresses),
  validate: validateAddressGroup,
  validateUpdate: validateAddressGroupUpdate,
});
