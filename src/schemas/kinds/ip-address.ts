import { AGE, column, NAME, tableOf } from '../tables/columns.ts';
import { asRecord, asString } from '../json-access.ts';
import { canonicalIp } from '../validation/addresses.ts';
import { validateIpAddress, validateIpAddressUpdate } from '../validation/service-cidrs.ts';
import { defineKind } from './define-kind.ts';

export const ipAddressKind = defineKind({
  group: 'networking.k8s.io',
  kind: 'IPAddress',
  shortNames: ['ip'],
  namespaced: false,
  applyOrder: 90,
  table: tableOf(
    NAME,
    column('ParentRef', ({ spec }) => {
      const { group, resource, namespace, name } = asRecord(asRecord(spec)['parentRef']);
      const path = [group, resource, namespace, name].map(asString).filter((part) => part !== '');
      return path.join('/');
    }),
    AGE,
  ),
  nameRule: (name) => canonicalIp(name),
  stored: { idle: 'Services themselves are the record of the addresses that are taken' },
  validate: validateIpAddress,
  validateUpdate: validateIpAddressUpdate,
});
