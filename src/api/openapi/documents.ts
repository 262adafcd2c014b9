/**
 * The OpenAPI documents for clients: version 3 has a document per group and version, version 2 one
 * for all. Their inputs are the served resources (kinds, virtual resources, custom kinds) and the
 * recorded component schemas. Each is made at the first request, and again when its inputs have
 * changed.
 */
import { createHash } from 'node:crypto';
import type { ServedResource } from '../../schemas/resource-kind.ts';
import { createComponents, type Descriptions } from './components.ts';
import { basePath, type OperationPath } from './operations.ts';
import { operationsOf } from './resource-operations.ts';
import {
  groupOperation,
  groupsOperation,
  resourcesOperation,
  versionOperation,
  versionsOperation,
} from './root-operations.ts';
import { encodeSwagger } from './swagger-protobuf.ts';
import type { TypeSchemas } from '../../resources/decoding/type-schemas.ts';
import { documentV2, type Swagger } from './version-2.ts';
import { documentV3 } from './version-3.ts';

export interface OpenApiDocument {
  readonly body: Buffer;
  /** Changes with the inputs of the document. */
  readonly hash: string;
}

export interface OpenApiDocuments {
  /** The answer to `/openapi/v3`. */
  index(): OpenApiDocument;
  /** The document of a path below `/openapi/v3/`: `api/v1`, `apis/apps/v1`. */
  version3(path: string): OpenApiDocument | undefined;
  version2(form: 'json' | 'protobuf'): OpenApiDocument;
}

export interface DescriptionSource {
  readonly of: Descriptions;
  /** The hash of all texts. */
  readonly hash: string;
}

export interface OpenApiOptions {
  /** Called for each request; the answer changes when kinds come and go. */
  readonly served: () => readonly ServedResource[];
  readonly schemas: TypeSchemas;
  readonly descriptions: () => Promise<DescriptionSource>;
}

/** Made once for a server; the documents follow what is served. */
export function createOpenApi({
  served,
  schemas,
  descriptions,
}: OpenApiOptions): () => Promise<OpenApiDocuments> {
  const made = new Map<string, OpenApiDocument>();
  let base: string | undefined;
  return async () => {
    const texts = await descriptions();
    base ??= hashOf(JSON.stringify(schemas.document), texts.hash);
    return documentsOf({ served: served(), schemas, texts: texts.of, base, made });
  };
}

interface Inputs {
  readonly served: readonly ServedResource[];
  readonly schemas: TypeSchemas;
  readonly texts: Descriptions;
  readonly base: string;
  /** By path: the documents made before, used again while their hash is the same. */
  readonly made: Map<string, OpenApiDocument>;
}

interface Part {
  readonly hash: string;
  readonly resources: readonly ServedResource[];
  readonly paths: () => readonly OperationPath[];
}

function documentsOf({ served, schemas, texts, base, made }: Inputs): OpenApiDocuments {
  const parts = partsOf(served, schemas, base);

  function document(key: string, hash: string, make: () => Buffer): OpenApiDocument {
    const known = made.get(key);
    if (known?.hash === hash) return known;
    const fresh = { hash, body: make() };
    made.set(key, fresh);
    return fresh;
  }
  const whole = (): string => hashOf(...[...parts].flatMap(([path, { hash }]) => [path, hash]));
  const swagger = (): Swagger =>
    documentV2(
      [...parts.values()].flatMap(({ paths }) => paths()),
      createComponents(served, schemas, texts),
    );

  return {
    index() {
      const hash = whole();
      return document('index', hash, () => {
        const entries = [...parts].map(([path, part]) => [
          path,
          { serverRelativeURL: `/openapi/v3/${path}?hash=${part.hash}` },
        ]);
        return Buffer.from(JSON.stringify({ paths: Object.fromEntries(entries) as unknown }));
      });
    },
    version3(path) {
      const part = parts.get(path);
      if (!part) return undefined;
      return document(`v3/${path}`, part.hash, () =>
        Buffer.from(documentV3(part.paths(), createComponents(part.resources, schemas, texts))),
      );
    },
    version2(form) {
      const hash = whole();
      if (form === 'json') return document('v2', hash, () => Buffer.from(JSON.stringify(swagger())));
      return document('v2 protobuf', hash, () => encodeSwagger(swagger()));
    },
  };
}

function partsOf(
  served: readonly ServedResource[],
  schemas: TypeSchemas,
  base: string,
): ReadonlyMap<string, Part> {
  const parts = new Map<string, Part>();
  const fixed = (path: string, operation: OperationPath): void => {
    parts.set(path, { hash: hashOf(base, path), resources: [], paths: () => [operation] });
  };
  const byVersion = new Map<string, ServedResource[]>();
  for (const resource of served) {
    const path = basePath(resource).slice(1);
    const known = byVersion.get(path);
    if (known) known.push(resource);
    else byVersion.set(path, [resource]);
  }
  fixed('api', versionsOperation);
  fixed('apis', groupsOperation);
  fixed('version', versionOperation);
  for (const { group } of served) if (group !== '') fixed(`apis/${group}`, groupOperation(group));
  for (const [path, resources] of byVersion) {
    const [{ group, version } = { group: '', version: '' }] = resources;
    const components = createComponents(resources, schemas, () => undefined);
    parts.set(path, {
      hash: hashOf(base, JSON.stringify(resources.map(described))),
      resources,
      paths: () => [
        resourcesOperation(group, version),
        ...resources.flatMap((resource) => operationsOf(resource, components.schemasOf(resource))),
      ],
    });
  }
  return new Map([...parts].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The members of a resource that its document depends on. */
const described = (resource: ServedResource): unknown => [
  resource.group,
  resource.version,
  resource.kind,
  resource.plural,
  resource.namespaced,
  resource.subresources,
  resource.verbs,
  resource.openApiSchema,
];

function hashOf(...texts: readonly string[]): string {
  const hash = createHash('sha512');
  for (const text of texts) hash.update(text).update('\n');
  return hash.digest('hex').toUpperCase();
}
