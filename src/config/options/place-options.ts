/** Where a process keeps its state, and where the API is served. */
import { EVERY, type GivenSpec } from '../option-spec.ts';
import { parseHostPort } from '../values.ts';

export const placeOptions: readonly GivenSpec[] = [
  {
    field: 'dataDir',
    group: 'State',
    flag: 'data-dir',
    placeholder: 'DIR',
    description: 'where this machine keeps its state',
    commands: EVERY,
    fallback: './.symphony',
    isPath: true,
  },
  {
    field: 'identityDir',
    group: 'State',
    flag: 'identity-dir',
    placeholder: 'DIR',
    description:
      'what all API servers of a cluster share: tls/, encryption.key, tokens.json [default: --data-dir]',
    isPath: true,
  },
  {
    field: 'listen',
    flag: 'listen',
    placeholder: 'HOST:PORT',
    description: 'address of the API (HTTPS)',
    fallback: '127.0.0.1:6443',
    parse: parseHostPort,
  },
  {
    field: 'advertiseAddress',
    flag: 'advertise-address',
    placeholder: 'HOST:PORT',
    description: 'where other machines reach the API; the kubeconfig names it (--listen when left out)',
    parse: parseHostPort,
  },
  {
    field: 'tlsSans',
    flag: 'tls-san',
    placeholder: 'NAME',
    description:
      "name or address that the API's certificate carries, such as a load balancer's; may be repeated",
    list: true,
  },
];
