import { AGE, column, NAME, shortList, tableOf, UNSET } from '../tables/columns.ts';
import { asList, asRecords, asString, type Fields, isAbsent } from '../json-access.ts';
import { fill, parts } from '../defaults/draft.ts';
import { validateEndpointSlice, validateEndpointSliceUpdate } from '../validation/endpoints.ts';
import { defineKind } from './define-kind.ts';

export const endpointSliceKind = defineKind({
  group: 'discovery.k8s.io',
  kind: 'EndpointSlice',
  applyOrder: 104,
  countsGeneration: true,
  table: tableOf(
    NAME,
    column('AddressType', 'addressType'),
    column('Ports', ({ ports }) => shortList(asRecords(ports).map(portText), UNSET)),
    column('Endpoints', ({ endpoints }) =>
      shortList(
        asRecords(endpoints).flatMap(({ addresses }) => asList(addresses).map(asString)),
        UNSET,
      ),
    ),
    AGE,
  ),
  fillDefaults(draft) {
    // The API shows null where there are none.
    fill(draft, { endpoints: null, ports: null });
    for (const port of parts(draft, 'ports')) fill(port, { name: '', protocol: 'TCP' });
    for (const endpoint of parts(draft, 'endpoints')) {
      fill(endpoint, { conditions: {} });
      // A field of the first version, which this one never takes.
      delete endpoint['deprecatedTopology'];
    }
  },
  validate: validateEndpointSlice,
  validateUpdate: validateEndpointSliceUpdate,
});

const portText = ({ port }: Fields): string => (isAbsent(port) ? '*' : String(Number(port)));
