import { AGE, column, NAME, shortList, tableOf, UNSET } from '../tables/columns.ts';
import { isRecord } from '../../base/json.ts';
import { asList, asRecords, asString, type Fields, isAbsent, omit } from '../json-access.ts';
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
    const { endpoints } = draft;
    if (Array.isArray(endpoints)) draft['endpoints'] = endpoints.map(completed);
  },
  itemsOf: ({ endpoints }) => asRecords(endpoints),
  validate: validateEndpointSlice,
  validateUpdate: validateEndpointSliceUpdate,
});

/** A copy where it changes: slices share endpoints. */
function completed(endpoint: unknown): unknown {
  if (!isRecord(endpoint)) return endpoint;
  const { conditions = {} } = endpoint;
  // A field of the first version, which this one never takes.
  const isComplete = endpoint['conditions'] === conditions && !('deprecatedTopology' in endpoint);
  return isComplete ? endpoint : omit({ ...endpoint, conditions }, 'deprecatedTopology');
}

const portText = ({ port }: Fields): string => (isAbsent(port) ? '*' : String(Number(port)));
