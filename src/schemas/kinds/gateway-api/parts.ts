/**
 * The parts that the schemas of the Gateway API are put together from. Types, limits and patterns
 * are those of the API's own definitions.
 */
import { words } from '../../../base/words.ts';
import type { StructuralSchema } from '../../custom/index.ts';

type Schema = StructuralSchema;

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;

export const GROUP = 'gateway.networking.k8s.io';

export const text = (description: string, more: Schema = {}): Schema => ({
  description,
  type: 'string',
  ...more,
});
export const integer = (description: string, more: Schema = {}): Schema => ({
  description,
  type: 'integer',
  format: 'int32',
  ...more,
});
/** `required`: the names of members that must be there. */
export const object = (
  description: string,
  required: string,
  properties: Readonly<Record<string, Schema>>,
  more: Schema = {},
): Schema => ({
  description,
  type: 'object',
  ...(required === '' ? {} : { required: words(required) }),
  properties,
  ...more,
});
export const list = (description: string, maxItems: number, items: Schema, more: Schema = {}): Schema => ({
  description,
  type: 'array',
  maxItems,
  'x-kubernetes-list-type': 'atomic',
  items,
  ...more,
});
/** A list whose items have keys of their own. */
export const keyedList = (
  description: string,
  maxItems: number,
  key: string,
  items: Schema,
  more: Schema = {},
): Schema =>
  list(description, maxItems, items, {
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': [key],
    ...more,
  });
export const choice = (description: string, values: string, more: Schema = {}): Schema =>
  text(description, { enum: words(values), ...more });

export const group = (description: string, more: Schema = {}): Schema =>
  text(description, { maxLength: 253, pattern: `^$|^${SUBDOMAIN}$`, ...more });
export const kindName = (description: string, more: Schema = {}): Schema =>
  text(description, {
    minLength: 1,
    maxLength: 63,
    pattern: '^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$',
    ...more,
  });
export const objectName = (description: string): Schema =>
  text(description, { minLength: 1, maxLength: 253 });
export const namespaceName = (description: string): Schema =>
  text(description, { minLength: 1, maxLength: 63, pattern: `^${LABEL}$` });
export const sectionName = (description: string): Schema =>
  text(description, { minLength: 1, maxLength: 253, pattern: `^${SUBDOMAIN}$` });
export const port = (description: string): Schema => integer(description, { minimum: 1, maximum: 65535 });
export const hostname = (description: string): Schema =>
  text(description, { minLength: 1, maxLength: 253, pattern: `^(\\*\\.)?${SUBDOMAIN}$` });
export const preciseHostname = (description: string): Schema =>
  text(description, { minLength: 1, maxLength: 253, pattern: `^${SUBDOMAIN}$` });
export const headerName = (description: string): Schema =>
  text(description, { minLength: 1, maxLength: 256, pattern: "^[A-Za-z0-9!#$%&'*+\\-.^_\\x60|~]+$" });
export const duration = (description: string): Schema =>
  text(description, { pattern: '^([0-9]{1,5}(h|m|s|ms)){1,4}$' });
const DOMAIN_PATH = `${SUBDOMAIN}\\/[A-Za-z0-9\\/\\-._~%!$&'()*+,;=:]+`;
export const controllerName = (description: string): Schema =>
  text(description, { minLength: 1, maxLength: 253, pattern: `^${DOMAIN_PATH}$` });
export const addressType = text('IPAddress, Hostname, NamedAddress, or a word with a domain in front.', {
  default: 'IPAddress',
  minLength: 1,
  maxLength: 253,
  pattern: `^Hostname|IPAddress|NamedAddress|${DOMAIN_PATH}$`,
});
/** An address of the type IPAddress is one. */
export const IS_ADDRESS: Schema = {
  oneOf: [
    {
      properties: {
        type: { enum: ['IPAddress'] },
        value: { anyOf: [{ format: 'ipv4' }, { format: 'ipv6' }] },
      },
    },
    { properties: { type: { not: { enum: ['IPAddress'] } } } },
  ],
};

export const labelSelector: Schema = object(
  'Labels that select.',
  '',
  {
    matchLabels: {
      description: 'Labels with their values. All must be there.',
      type: 'object',
      additionalProperties: { type: 'string' },
    },
    matchExpressions: {
      description: 'Conditions on labels. All must hold.',
      type: 'array',
      'x-kubernetes-list-type': 'atomic',
      items: object('A condition on a label.', 'key operator', {
        key: text('The label.'),
        operator: text('In, NotIn, Exists or DoesNotExist.'),
        values: {
          description: 'The values for In and NotIn.',
          type: 'array',
          'x-kubernetes-list-type': 'atomic',
          items: { type: 'string' },
        },
      }),
    },
  },
  { 'x-kubernetes-map-type': 'atomic' },
);

export const localRef = (description: string): Schema =>
  object(description, 'group kind name', {
    group: group('API group of the object.'),
    kind: kindName('Kind of the object.'),
    name: objectName('Name of the object.'),
  });
export const secretRef = (description: string): Schema =>
  object(description, 'name', {
    group: group('API group of the object.', { default: '' }),
    kind: kindName('Kind of the object.', { default: 'Secret' }),
    name: objectName('Name of the object.'),
    namespace: namespaceName('Its namespace; another one than the own needs a ReferenceGrant there.'),
  });

const CONDITION_TYPE = `^(${SUBDOMAIN}/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$`;

export const conditions = (more: Schema = {}): Schema =>
  keyedList(
    'What holds for it now.',
    8,
    'type',
    object('One aspect of the state.', 'lastTransitionTime message reason status type', {
      type: text('The aspect.', { maxLength: 316, pattern: CONDITION_TYPE }),
      status: choice('Whether it holds.', 'True False Unknown'),
      reason: text('Why, in one word.', {
        minLength: 1,
        maxLength: 1024,
        pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$',
      }),
      message: text('Why, for people.', { maxLength: 32768 }),
      lastTransitionTime: text('Since when.', { format: 'date-time' }),
      observedGeneration: integer('The generation of the object that was judged.', {
        format: 'int64',
        minimum: 0,
      }),
    }),
    more,
  );

/** The status of an object that no controller has seen yet. */
export const pending = (...types: readonly string[]): readonly object[] =>
  types.map((type) => ({
    type,
    status: 'Unknown',
    reason: 'Pending',
    message: 'Waiting for controller',
    lastTransitionTime: '1970-01-01T00:00:00Z',
  }));
