/** Messages without an OpenAPI component: objects with metadata only, aggregated discovery. */
import type { SchemaDocument, TypeSchema } from '../../resources/decoding/type-schemas.ts';

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
const REFERENCE = '#/components/schemas/';
const PARTIAL = `${META}PartialObjectMetadata`;
const TYPE = `${META}GroupVersionKind`;
/** The messages of `apidiscovery.k8s.io/v2`. */
export const DISCOVERY = 'io.k8s.api.apidiscovery.v2.';

const text: TypeSchema = { type: 'string' };
const one = (name: string): TypeSchema => ({ $ref: REFERENCE + name });
const many = (items: TypeSchema): TypeSchema => ({ type: 'array', items });

export const UNRECORDED_SCHEMAS: SchemaDocument = {
  [PARTIAL]: { properties: { metadata: one(`${META}ObjectMeta`) } },
  [`${PARTIAL}List`]: { properties: { metadata: one(`${META}ListMeta`), items: many(one(PARTIAL)) } },
  [TYPE]: { properties: { group: text, version: text, kind: text } },
  [`${DISCOVERY}APIGroupDiscoveryList`]: {
    properties: { metadata: one(`${META}ListMeta`), items: many(one(`${DISCOVERY}APIGroupDiscovery`)) },
  },
  [`${DISCOVERY}APIGroupDiscovery`]: {
    properties: {
      metadata: one(`${META}ObjectMeta`),
      versions: many(one(`${DISCOVERY}APIVersionDiscovery`)),
    },
  },
  [`${DISCOVERY}APIVersionDiscovery`]: {
    properties: { version: text, resources: many(one(`${DISCOVERY}APIResourceDiscovery`)), freshness: text },
  },
  [`${DISCOVERY}APIResourceDiscovery`]: {
    properties: {
      resource: text,
      responseKind: one(TYPE),
      scope: text,
      singularResource: text,
      verbs: many(text),
      shortNames: many(text),
      categories: many(text),
      subresources: many(one(`${DISCOVERY}APISubresourceDiscovery`)),
    },
  },
  [`${DISCOVERY}APISubresourceDiscovery`]: {
    properties: {
      subresource: text,
      responseKind: one(TYPE),
      acceptedTypes: many(one(TYPE)),
      verbs: many(text),
    },
  },
};

/** As in field-numbers.txt. */
export const UNRECORDED_NUMBERS: Readonly<Record<string, string>> = {
  [PARTIAL]: 'metadata',
  [`${PARTIAL}List`]: 'metadata items',
  [TYPE]: 'group version kind',
  [`${DISCOVERY}APIGroupDiscoveryList`]: 'metadata items',
  [`${DISCOVERY}APIGroupDiscovery`]: 'metadata versions',
  [`${DISCOVERY}APIVersionDiscovery`]: 'version resources freshness',
  [`${DISCOVERY}APIResourceDiscovery`]:
    'resource responseKind? scope singularResource verbs shortNames categories subresources',
  [`${DISCOVERY}APISubresourceDiscovery`]: 'subresource responseKind? acceptedTypes verbs',
};
