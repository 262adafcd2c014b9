/** Options of API requests: their audit log and their limits. */
import type { GivenSpec } from '../option-spec.ts';
import { parseInteger } from '../values.ts';

export const requestOptions: readonly GivenSpec[] = [
  {
    field: 'auditLog',
    group: 'Logs',
    flag: 'audit-log',
    placeholder: 'PATH|-|none',
    description: 'where each request to the API is written down; DATA-DIR/audit.log otherwise',
  },
  {
    field: 'rateLimit',
    flag: 'rate-limit',
    placeholder: 'N',
    description: 'requests per second of one client of the API; 0 for no limit',
    fallback: '400',
    parse: (value) => parseInteger(value, 0, 1_000_000),
  },
  {
    field: 'maxRequestsInflight',
    flag: 'max-requests-inflight',
    placeholder: 'N',
    description: 'reading requests that the API works on at the same time; 0 for no limit',
    fallback: '400',
    parse: (value) => parseInteger(value, 0, 1_000_000),
  },
  {
    field: 'maxMutatingRequestsInflight',
    flag: 'max-mutating-requests-inflight',
    placeholder: 'N',
    description: 'writing requests that the API works on at the same time; 0 for no limit',
    fallback: '200',
    parse: (value) => parseInteger(value, 0, 1_000_000),
  },
  {
    field: 'maxConnectionsPerAddress',
    flag: 'max-connections-per-address',
    placeholder: 'N',
    description: 'connections to the API from one address other than this machine; 0 for no limit',
    fallback: '10000',
    parse: (value) => parseInteger(value, 0, 1_000_000),
  },
];
