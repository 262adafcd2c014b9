/** OpenAPI 3.0: operations and components as a document. Pure. */
import { type Components, closure, REFERENCE } from './components.ts';
import type { Operation, OperationPath, SchemaUse } from './operations.ts';
import type { Parameter } from './parameters.ts';

export const INFO = { title: 'Kubernetes', version: '1.36' } as const;

/** The components that operations name; they refer to the others. */
export function componentsUsed(paths: readonly OperationPath[]): ReadonlySet<string> {
  const used = new Set<string>();
  const add = (use: SchemaUse | undefined): void => {
    if (use && 'component' in use) used.add(use.component);
  };
  for (const { operations } of paths)
    for (const { body, answers } of operations) {
      add(body?.schema);
      for (const { schema } of Object.values(answers)) add(schema);
    }
  return used;
}

/** Splits off the parameters that all operations of a path have, which stand with the path. */
export function sharedParameters({ operations }: OperationPath): {
  readonly shared: readonly Parameter[];
  own(operation: Operation): readonly Parameter[];
} {
  const key = ({ name, in: where }: Parameter): string => `${name} ${where}`;
  const keys = operations.map(({ parameters }) => new Set(parameters.map(key)));
  const isShared = (parameter: Parameter): boolean => keys.every((names) => names.has(key(parameter)));
  return {
    shared: sorted((operations[0]?.parameters ?? []).filter(isShared)),
    own: ({ parameters }) => sorted(parameters.filter((parameter) => !isShared(parameter))),
  };
}

const sorted = (parameters: readonly Parameter[]): readonly Parameter[] =>
  [...parameters].sort((a, b) => (a.name === b.name ? (a.in < b.in ? -1 : 1) : a.name < b.name ? -1 : 1));

export function documentV3(paths: readonly OperationPath[], components: Components): string {
  const items = [...paths]
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .map((item) => [item.path, pathItem(item)] as const);
  const schemas = closure(componentsUsed(paths), components);
  return JSON.stringify({
    openapi: '3.0.0',
    info: INFO,
    paths: Object.fromEntries(items),
    components: {
      ...(Object.keys(schemas).length > 0 ? { schemas } : {}),
      securitySchemes: {
        BearerToken: {
          type: 'apiKey',
          description: 'Bearer Token authentication',
          name: 'authorization',
          in: 'header',
        },
      },
    },
  });
}

function pathItem(path: OperationPath): Record<string, unknown> {
  const { shared, own } = sharedParameters(path);
  const item: Record<string, unknown> = {};
  for (const operation of path.operations) item[operation.method] = operationV3(operation, own(operation));
  return shared.length > 0 ? { ...item, parameters: shared.map(parameterV3) } : item;
}

function parameterV3({ name, in: where, type }: Parameter): unknown {
  return {
    name,
    in: where,
    ...(where === 'path' ? { required: true } : {}),
    schema: { type, uniqueItems: true },
  };
}

const schemaV3 = (use: SchemaUse): unknown =>
  'component' in use ? { $ref: REFERENCE + use.component } : { type: use.type };

function contentOf(types: readonly string[], schema: SchemaUse): Record<string, unknown> {
  return Object.fromEntries(types.map((type) => [type, { schema: schemaV3(schema) }]));
}

function operationV3(operation: Operation, parameters: readonly Parameter[]): unknown {
  const { id, tag, action, gvk, body, answers } = operation;
  const responses = Object.entries(answers).map(([code, { description, produces, schema }]) => [
    code,
    schema ? { description, content: contentOf(produces, schema) } : { description },
  ]);
  return {
    tags: [tag],
    operationId: id,
    ...(parameters.length > 0 ? { parameters: parameters.map(parameterV3) } : {}),
    ...(body
      ? {
          requestBody: {
            content: contentOf(body.consumes, body.schema),
            ...(body.required ? { required: true } : {}),
          },
        }
      : {}),
    responses: Object.fromEntries(responses) as unknown,
    ...(action === undefined ? {} : { 'x-kubernetes-action': action }),
    ...(gvk === undefined ? {} : { 'x-kubernetes-group-version-kind': gvk }),
  };
}
