import { AGE, column, NAME, tableOf } from '../tables/columns.ts';
import { asList, asRecord, asString } from '../json-access.ts';
import { validateServiceCidr, validateServiceCidrUpdate } from '../validation/service-cidrs.ts';
import { defineKind } from './define-kind.ts';

/** Ranges of cluster addresses beside `--service-cidr`, which the object `kubernetes` shows. */
export const serviceCidrKind = defineKind({
  group: 'networking.k8s.io',
  kind: 'ServiceCIDR',
  namespaced: false,
  applyOrder: 8,
  subresources: ['status'],
  table: tableOf(
    NAME,
    column('CIDRs', ({ spec }) => asList(asRecord(spec)['cidrs']).map(asString).join(',')),
    AGE,
  ),
  initialStatus: () => undefined,
  validate: validateServiceCidr,
  validateUpdate: validateServiceCidrUpdate,
  // Upstream has no rules for conditions: its own has an empty reason.
  validateStatus: () => [],
});
