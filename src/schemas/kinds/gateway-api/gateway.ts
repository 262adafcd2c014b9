import { asList, asRecord, asRecords, asString, isAbsent } from '../../json-access.ts';
import type { StructuralSchema } from '../../custom/index.ts';
import { AGE, gatewayKinds } from './define-gateway-kind.ts';
import {
  addressType,
  choice,
  conditions,
  GROUP,
  group,
  hostname,
  integer,
  IS_ADDRESS,
  keyedList,
  kindName,
  labelSelector,
  list,
  localRef,
  namespaceName,
  object,
  objectName,
  pending,
  port,
  secretRef,
  sectionName,
  text,
} from './parts.ts';
import { areUnique, rule } from './rules.ts';

const texts = (description: string, maxProperties: number, value: StructuralSchema): StructuralSchema => ({
  description,
  type: 'object',
  maxProperties,
  additionalProperties: value,
});

const namespaces = (values: string, fallback: string): StructuralSchema =>
  object(
    'The namespaces that count.',
    '',
    {
      from: choice(`${values.split(' ').join(', ')}: which namespaces.`, values, { default: fallback }),
      selector: labelSelector,
    },
    { default: { from: fallback } },
  );

const routeKind = object('A kind of routes.', 'kind', {
  group: group('Its API group.', { default: GROUP }),
  kind: kindName('Its name.'),
});

const listener = object('A port that the Gateway listens on.', 'name port protocol', {
  name: sectionName('Its name, which routes may choose.'),
  hostname: hostname(
    'The host that is asked for; every host when left out. `*.` stands for its names below.',
  ),
  port: port('The port.'),
  protocol: text('HTTP, HTTPS, TLS, TCP, UDP, or a word with a domain in front.', {
    minLength: 1,
    maxLength: 255,
    pattern:
      '^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$|[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\\/[A-Za-z0-9]+$',
  }),
  tls: object('How TLS ends here.', '', {
    mode: choice('Whether TLS ends at the Gateway or at the backend.', 'Terminate Passthrough', {
      default: 'Terminate',
    }),
    certificateRefs: list('Secrets with certificates.', 64, secretRef('A Secret.')),
    options: texts(
      'Settings of the implementation.',
      16,
      text('A value.', { minLength: 0, maxLength: 4096 }),
    ),
  }),
  allowedRoutes: object(
    'The routes that may attach.',
    '',
    {
      namespaces: namespaces('All Selector Same', 'Same'),
      kinds: list('Their kinds; those that fit the protocol when left out.', 8, routeKind),
    },
    { default: { namespaces: { from: 'Same' } } },
  ),
});

const clientValidation = object('How certificates of clients are judged.', '', {
  validation: object('The authorities to trust.', 'caCertificateRefs', {
    caCertificateRefs: list(
      'Objects with certificates of authorities.',
      16,
      object('An object.', 'group kind name', {
        group: group('API group of the object.'),
        kind: kindName('Kind of the object.'),
        name: objectName('Name of the object.'),
        namespace: namespaceName('Its namespace; another one than the own needs a ReferenceGrant there.'),
      }),
      { minItems: 1 },
    ),
    mode: choice(
      'Whether clients without a valid certificate pass.',
      'AllowValidOnly AllowInsecureFallback',
      {
        default: 'AllowValidOnly',
      },
    ),
  }),
});

const waiting = pending('Accepted', 'Programmed');

const address = (required: string, minLength: number): StructuralSchema =>
  object(
    'An address.',
    required,
    {
      type: addressType,
      value: text('The address.', { ...(minLength > 0 ? { minLength } : {}), maxLength: 253 }),
    },
    IS_ADDRESS,
  );

const HOSTNAME = /^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL_KEY =
  /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]$/;
const MAX_PREFIX = 253;
const keysOf = (value: unknown): readonly string[] => Object.keys(asRecord(value));

const uniqueAddresses =
  (type: string) =>
  (value: unknown): boolean =>
    areUnique(asRecords(value), (item) => {
      const { type: own, value: text } = asRecord(item);
      return own === type && !isAbsent(text) ? asString(text) : undefined;
    });

/** Whether every listener of these protocols passes. */
const listenersOf =
  (protocols: readonly string[], passes: (listener: Readonly<Record<string, unknown>>) => boolean) =>
  (value: unknown): boolean =>
    asRecords(value).every((item) => !protocols.includes(asString(item['protocol'])) || passes(item));
const modeOf = ({ tls }: Readonly<Record<string, unknown>>): unknown => asRecord(tls)['mode'];

const metadataRules = (name: string, word: string, title: string) => [
  rule(
    `spec.infrastructure.${name}`,
    `${title} keys must be in the form of an optional DNS subdomain prefix followed by a required name segment of up to 63 characters.`,
    (value) => keysOf(value).every((key) => LABEL_KEY.test(key)),
  ),
  rule(
    `spec.infrastructure.${name}`,
    `If specified, the ${word} key's prefix must be a DNS subdomain not longer than 253 characters in total.`,
    (value) => keysOf(value).every((key) => (key.split('/')[0] ?? '').length < MAX_PREFIX),
  ),
];

export const gatewayResourceKinds = gatewayKinds({
  kind: 'Gateway',
  plural: 'gateways',
  shortNames: ['gtw'],
  versions: ['v1', 'v1beta1'],
  description: 'A Gateway takes traffic from outside on its listeners and hands it to routes.',
  spec: object('Where the Gateway listens.', 'gatewayClassName listeners', {
    gatewayClassName: objectName('The GatewayClass, whose controller serves the Gateway.'),
    listeners: keyedList('Where it listens.', 64, 'name', listener, { minItems: 1 }),
    addresses: list('Addresses that are asked for.', 16, address('', 0)),
    infrastructure: object('What the objects get that an implementation makes.', '', {
      labels: texts(
        'Labels of these objects.',
        8,
        text('A value.', {
          minLength: 0,
          maxLength: 63,
          pattern: '^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$',
        }),
      ),
      annotations: texts(
        'Annotations of these objects.',
        16,
        text('A value.', { minLength: 0, maxLength: 4096 }),
      ),
      parametersRef: localRef('An object with more settings.'),
    }),
    allowedListeners: object('The ListenerSets that may attach.', '', {
      namespaces: namespaces('All Selector Same None', 'None'),
    }),
    tls: object('TLS of all listeners.', '', {
      backend: object('TLS towards backends.', '', {
        clientCertificateRef: secretRef('The certificate that the Gateway shows.'),
      }),
      frontend: object('TLS towards clients.', 'default', {
        default: clientValidation,
        perPort: keyedList(
          'Other settings for some ports.',
          64,
          'port',
          object('The settings of a port.', 'port tls', { port: port('The port.'), tls: clientValidation }),
        ),
      }),
    }),
  }),
  status: object(
    'The state that the controller reports.',
    '',
    {
      addresses: list('Addresses that lead to the Gateway.', 16, address('value', 1)),
      attachedListenerSets: integer('How many ListenerSets are attached.'),
      conditions: conditions({ default: waiting }),
      listeners: keyedList(
        'The state of the listeners.',
        64,
        'name',
        object('The state of a listener.', 'attachedRoutes conditions name', {
          name: sectionName('The listener.'),
          attachedRoutes: integer('How many routes are attached.'),
          supportedKinds: list('Kinds of routes that it takes.', 8, routeKind),
          conditions: conditions(),
        }),
      ),
    },
    { default: { conditions: waiting } },
  ),
  columns: [
    { name: 'Class', jsonPath: '.spec.gatewayClassName' },
    { name: 'Address', jsonPath: '.status.addresses[*].value' },
    { name: 'Programmed', jsonPath: '.status.conditions[?(@.type=="Programmed")].status' },
    AGE,
  ],
  rules: [
    rule('spec.addresses', 'IPAddress values must be unique', uniqueAddresses('IPAddress')),
    rule('spec.addresses', 'Hostname values must be unique', uniqueAddresses('Hostname')),
    rule(
      'spec.addresses.*',
      'Hostname value must be empty or contain only valid characters (matching ^(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$)',
      (value) => {
        const { type, value: host } = asRecord(value);
        return type !== 'Hostname' || isAbsent(host) || HOSTNAME.test(asString(host));
      },
    ),
    ...metadataRules('annotations', 'annotation', 'Annotation'),
    ...metadataRules('labels', 'label', 'Label'),
    rule(
      'spec.listeners',
      "tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']",
      listenersOf(['HTTP', 'TCP', 'UDP'], ({ tls }) => isAbsent(tls)),
    ),
    rule(
      'spec.listeners',
      'tls mode must be Terminate for protocol HTTPS',
      listenersOf(
        ['HTTPS'],
        (item) => isAbsent(item['tls']) || ['', 'Terminate'].includes(asString(modeOf(item))),
      ),
    ),
    rule(
      'spec.listeners',
      'tls mode must be set for protocol TLS',
      listenersOf(['TLS'], (item) => asString(modeOf(item)) !== ''),
    ),
    rule(
      'spec.listeners',
      "hostname must not be specified for protocols ['TCP', 'UDP']",
      listenersOf(['TCP', 'UDP'], (item) => asString(item['hostname']) === ''),
    ),
    rule('spec.listeners', 'Listener name must be unique within the Gateway', (value) =>
      areUnique(asList(value), (item) => asString(asRecord(item)['name'])),
    ),
    rule(
      'spec.listeners',
      'Combination of port, protocol and hostname must be unique for each listener',
      (value) =>
        areUnique(asList(value), (item) => {
          const { port: number, protocol, hostname: host } = asRecord(item);
          return JSON.stringify([number, protocol, host]);
        }),
    ),
    rule(
      'spec.listeners.*.tls',
      'certificateRefs or options must be specified when mode is Terminate',
      (value) => {
        const { mode, certificateRefs, options } = asRecord(value);
        return mode !== 'Terminate' || asList(certificateRefs).length > 0 || keysOf(options).length > 0;
      },
    ),
    rule(
      'spec.tls.frontend.perPort',
      'Port for TLS configuration must be unique within the Gateway',
      (value) => areUnique(asList(value), (item) => String(asRecord(item)['port'])),
    ),
  ],
  applyOrder: 158,
  defaultRoles: 'edit',
});
