import { AGE, column, NAME, NONE, shortList, tableOf } from '../tables/columns.ts';
import { asRecords, asString } from '../json-access.ts';
import { fillZero, parts } from '../defaults/draft.ts';
import { addressesIn, validateEndpoints } from '../validation/endpoints.ts';
import { defineKind } from './define-kind.ts';

export const endpointsKind = defineKind({
  group: '',
  kind: 'Endpoints',
  plural: 'endpoints',
  shortNames: ['ep'],
  applyOrder: 102,
  table: tableOf(
    NAME,
    column('Endpoints', ({ subsets }) => shortList(addressesOf(subsets), NONE)),
    AGE,
  ),
  deprecation: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  fillDefaults(draft) {
    for (const subset of parts(draft, 'subsets'))
      for (const port of parts(subset, 'ports')) fillZero(port, { protocol: 'TCP' });
  },
  itemsOf: addressesIn,
  validate: validateEndpoints,
});

const addressesOf = (subsets: unknown): readonly string[] =>
  asRecords(subsets).flatMap((subset) => {
    const ports = asRecords(subset['ports']);
    const ips = asRecords(subset['addresses']).map(({ ip }) => asString(ip));
    if (ports.length === 0) return ips;
    return ports.flatMap(({ port }) =>
      ips.map((ip) => `${ip.includes(':') ? `[${ip}]` : ip}:${Number(port)}`),
    );
  });
