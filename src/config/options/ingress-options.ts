/** Options of the nodes that serve Ingresses. */
import { type GivenSpec, oneOf } from '../option-spec.ts';
import { parseInteger, parseName, parseUrl } from '../values.ts';

const parsePort = (value: string): number => parseInteger(value, 1, 65_535);
const parseBoolean = (value: string): boolean => oneOf(['true', 'false'])(value) === 'true';
const NODES = ['up', 'agent'] as const;

export const ingressOptions: readonly GivenSpec[] = [
  {
    field: 'ingress',
    flag: 'ingress',
    placeholder: 'BOOLEAN',
    description: 'whether these nodes serve Ingresses, with the program caddy',
    commands: NODES,
    fallback: 'true',
    choices: ['true', 'false'],
    parse: parseBoolean,
  },
  {
    field: 'ingressHttpPort',
    flag: 'ingress-http-port',
    placeholder: 'PORT',
    description: 'port of the node for Ingresses over HTTP',
    commands: NODES,
    fallback: '80',
    parse: parsePort,
  },
  {
    field: 'ingressHttpsPort',
    flag: 'ingress-https-port',
    placeholder: 'PORT',
    description: 'port of the node for Ingresses over HTTPS; used once one has TLS',
    commands: NODES,
    fallback: '443',
    parse: parsePort,
  },
  {
    field: 'ingressAccessLog',
    flag: 'ingress-access-log',
    placeholder: 'BOOLEAN',
    description: 'log each request for an Ingress to DATA-DIR/network/ingress/access.log',
    commands: NODES,
    fallback: 'false',
    choices: ['true', 'false'],
    parse: parseBoolean,
  },
  {
    field: 'ingressAddresses',
    flag: 'ingress-address',
    placeholder: 'ADDRESS',
    description:
      "address or name at which clients reach Ingresses, for their status, instead of the nodes'; may be repeated",
    list: true,
    parse: parseName,
  },
  {
    field: 'acmeEmail',
    flag: 'acme-email',
    placeholder: 'EMAIL',
    description: 'obtain certificates (ACME) for Ingresses that ask for them, with this contact',
    commands: NODES,
    parse: (value) => {
      if (!/^[^\s@]+@[^\s@]+$/.test(value)) throw new Error('must be an e-mail address');
      return value;
    },
  },
  {
    field: 'acmeUrl',
    flag: 'acme-url',
    placeholder: 'URL',
    description:
      "the ACME directory of another authority than Let's Encrypt; internal: a CA of the node's own",
    commands: NODES,
    parse: (value) => (value === 'internal' ? value : parseUrl(value, ['https'])),
  },
];
