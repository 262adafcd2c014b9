import protobuf from 'protobufjs/minimal.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadDescriptions } from '../../../src/api/openapi/descriptions.ts';
import { createOpenApi, type OpenApiDocuments } from '../../../src/api/openapi/documents.ts';
import { metricsComponents } from '../../../src/resources/decoding/metrics-components.ts';
import { createTypeSchemas, type SchemaDocument } from '../../../src/resources/decoding/type-schemas.ts';
import { definitions } from '../../../src/schemas/generated/definitions.js';
import { builtinRegistry } from '../../../src/schemas/registry.ts';
import type { ServedResource } from '../../../src/schemas/resource-kind.ts';

interface Json {
  readonly [name: string]: Json | undefined;
}

const schemas = createTypeSchemas(definitions as SchemaDocument);
const widget: ServedResource = {
  group: 'shop.example.com',
  version: 'v1',
  kind: 'Widget',
  plural: 'widgets',
  singular: 'widget',
  shortNames: [],
  categories: [],
  namespaced: true,
  subresources: ['status'],
  openApiSchema: {
    type: 'object',
    description: 'What is sold.',
    properties: {
      spec: { type: 'object', properties: { size: { type: 'integer', description: 'In mm.' } } },
    },
  },
};

let served: readonly ServedResource[] = builtinRegistry.kinds;
const open = createOpenApi({ served: () => served, schemas, descriptions: loadDescriptions });
const parsed = (body: Buffer | undefined): Json => JSON.parse(body?.toString() ?? '{}') as Json;

/** Every `$ref` in a document. */
function references(node: unknown): readonly string[] {
  if (Array.isArray(node)) return node.flatMap(references);
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, member]) =>
    key === '$ref' && typeof member === 'string' ? [member] : references(member),
  );
}

describe('OpenAPI documents', () => {
  let documents: OpenApiDocuments;
  beforeAll(async () => {
    documents = await open();
  });

  it('the index names every document by its hash, and each is there', () => {
    const paths = parsed(documents.index().body)['paths'] as unknown as Record<
      string,
      { serverRelativeURL: string }
    >;
    expect(Object.keys(paths)).toEqual(
      expect.arrayContaining(['api', 'api/v1', 'apis', 'apis/apps', 'apis/apps/v1', 'version']),
    );
    for (const [path, { serverRelativeURL }] of Object.entries(paths))
      expect(serverRelativeURL).toBe(`/openapi/v3/${path}?hash=${documents.version3(path)?.hash ?? ''}`);
  });

  it('every reference of every document leads somewhere', () => {
    const paths = Object.keys(parsed(documents.index().body)['paths'] ?? {});
    for (const path of paths) {
      const document = parsed(documents.version3(path)?.body);
      const known = new Set(Object.keys(document['components']?.['schemas'] ?? {}));
      for (const reference of references(document))
        expect(known).toContain(reference.replace('#/components/schemas/', ''));
    }
    const swagger = parsed(documents.version2('json').body);
    const known = new Set(Object.keys(swagger['definitions'] ?? {}));
    for (const reference of references(swagger))
      expect(known).toContain(reference.replace('#/definitions/', ''));
  });

  it('operations have names of their own', () => {
    const swagger = parsed(documents.version2('json').body);
    const ids = Object.values(swagger['paths'] ?? {}).flatMap((item) =>
      Object.values(item ?? {}).flatMap((operation) => operation?.['operationId'] ?? []),
    );
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toContain('patchAppsV1NamespacedDeployment');
  });

  it('fields are described where upstream describes them', () => {
    const pod = parsed(documents.version3('api/v1')?.body)['components']?.['schemas']?.[
      'io.k8s.api.core.v1.PodSpec'
    ];
    expect(pod).toHaveProperty('description');
    expect(pod?.['properties']?.['containers']).toHaveProperty('description');
  });

  it('version 2 has none of the words of version 3', () => {
    const swagger = parsed(documents.version2('json').body);
    const plain = Object.entries(swagger['definitions'] ?? {}).filter(
      // Its fields are called like the words themselves.
      ([name]) => !name.endsWith('.JSONSchemaProps'),
    );
    for (const [name, schema] of plain) {
      const text = JSON.stringify(schema);
      const found = ['"allOf":', '"oneOf":', '"nullable":', '#/components/'].filter((word) =>
        text.includes(word),
      );
      expect({ name, found }).toEqual({ name, found: [] });
    }
  });

  it('the protobuf form has a message for each path and each definition', () => {
    const swagger = parsed(documents.version2('json').body);
    const counts = countFields(documents.version2('protobuf').body);
    expect(counts.paths).toBe(Object.keys(swagger['paths'] ?? {}).length);
    expect(counts.definitions).toBe(Object.keys(swagger['definitions'] ?? {}).length);
  });

  it('version 2 promises nothing of custom objects that its clients would hold against others', async () => {
    const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
    const items = { type: 'array', items: { type: 'string' } };
    const some = {
      type: 'object',
      required: ['maybe', 'sure'],
      properties: {
        sure: { type: 'string' },
        maybe: { type: 'object', nullable: true, properties: { a: { type: 'string' } } },
        list: { type: 'array' },
        open: { ...anything, properties: { b: items } },
      },
    };
    const gadget = { ...widget, kind: 'Gadget', plural: 'gadgets' };
    served = [
      ...builtinRegistry.kinds,
      { ...widget, openApiSchema: { type: 'object', properties: { spec: some } } },
      { ...gadget, openApiSchema: { ...anything, description: 'Any.', properties: { spec: some } } },
    ];
    const swagger = parsed((await open()).version2('json').body)['definitions'] ?? {};
    served = builtinRegistry.kinds;
    expect(swagger['com.example.shop.v1.Gadget']).toEqual({
      type: 'object',
      'x-kubernetes-group-version-kind': [{ group: 'shop.example.com', version: 'v1', kind: 'Gadget' }],
    });
    const of = swagger['com.example.shop.v1.Widget']?.['properties'];
    expect(of?.['spec']).toEqual({
      type: 'object',
      required: ['sure'],
      properties: {
        sure: { type: 'string' },
        maybe: {},
        list: {},
        open: { 'x-kubernetes-preserve-unknown-fields': true },
      },
    });
    expect(of?.['metadata']?.['description']).toMatch(/^Standard object's metadata\. More info: /);
    const list = swagger['com.example.shop.v1.WidgetList'];
    expect(list?.['description']).toBe('WidgetList is a list of Widget');
    expect(list?.['properties']?.['items']?.['description']).toMatch(/^List of widgets\. More info: /);
  });

  it('a document stays the same object until what it is made of changes', async () => {
    const before = await open();
    const pods = before.version3('api/v1');
    const index = before.index().hash;
    served = [...builtinRegistry.kinds, widget];
    const after = await open();
    expect(after.version3('api/v1')).toBe(pods);
    expect(after.index().hash).not.toBe(index);
    const custom = parsed(after.version3('apis/shop.example.com/v1')?.body);
    expect(custom['components']?.['schemas']?.['com.example.shop.v1.Widget']).toMatchObject({
      description: 'What is sold.',
      properties: { spec: { properties: { size: { description: 'In mm.' } } }, kind: { type: 'string' } },
      'x-kubernetes-group-version-kind': [{ group: 'shop.example.com', version: 'v1', kind: 'Widget' }],
    });
    const patch =
      custom['paths']?.['/apis/shop.example.com/v1/namespaces/{namespace}/widgets/{name}/status']?.['patch'];
    expect(Object.keys(patch?.['requestBody']?.['content'] ?? {})).toEqual([
      'application/apply-patch+yaml',
      'application/json-patch+json',
      'application/merge-patch+json',
    ]);
    served = builtinRegistry.kinds;
    expect((await open()).version3('apis/shop.example.com/v1')).toBeUndefined();
  });
});

describe('the documents of metrics', () => {
  it('know what is measured, and offer neither protobuf nor a change', async () => {
    const metrics = createTypeSchemas({ ...(definitions as SchemaDocument), ...metricsComponents });
    const about = {
      group: 'metrics.k8s.io',
      version: 'v1beta1',
      singular: '',
      shortNames: [],
      categories: [],
    };
    const virtual = { ...about, subresources: [], verbs: ['get', 'list'] };
    const resources = [
      { ...virtual, kind: 'NodeMetrics', plural: 'nodes', namespaced: false },
      { ...virtual, kind: 'PodMetrics', plural: 'pods', namespaced: true },
    ];
    const documents = await createOpenApi({
      served: () => resources,
      schemas: metrics,
      descriptions: loadDescriptions,
    })();
    const document = parsed(documents.version3('apis/metrics.k8s.io/v1beta1')?.body);
    const components = document['components']?.['schemas'] ?? {};
    const pod = components['io.k8s.metrics.pkg.apis.metrics.v1beta1.PodMetrics'];
    expect(Object.keys(pod?.['properties'] ?? {}).sort()).toEqual([
      'apiVersion',
      'containers',
      'kind',
      'metadata',
      'timestamp',
      'window',
    ]);
    expect(components).toHaveProperty(['io.k8s.metrics.pkg.apis.metrics.v1beta1.NodeMetricsList']);
    for (const reference of references(document))
      expect(components).toHaveProperty([reference.slice('#/components/schemas/'.length)]);
    const node = document['paths']?.['/apis/metrics.k8s.io/v1beta1/nodes/{name}'];
    expect(Object.keys(node ?? {}).filter((method) => method !== 'parameters')).toEqual(['get']);
    expect(JSON.stringify(node)).not.toContain('protobuf');
  });
});

/** How many entries `paths` (8) and `definitions` (9) of the document have. */
function countFields(body: Uint8Array): { paths: number; definitions: number } {
  const counts = { paths: 0, definitions: 0 };
  const reader = protobuf.Reader.create(body);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag >>> 3 === 8) counts.paths = entries(reader.bytes());
    else if (tag >>> 3 === 9) counts.definitions = entries(reader.bytes());
    else reader.skipType(tag & 7);
  }
  return counts;
}

function entries(body: Uint8Array): number {
  const reader = protobuf.Reader.create(body);
  let count = 0;
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    reader.skipType(tag & 7);
    count += 1;
  }
  return count;
}
