/**
 * The CustomResourceDefinition that shows Applications to clients: Argo CD's tools and dashboards
 * look for it. The control plane serves Applications itself, so the definition makes no kind; its
 * spec always says what is served. Pure.
 */
import { definitionOf, type Definition as Schema, resolveDefinition, schemaNameOf } from '../definitions.ts';
import { DEFINITION_API_VERSION } from '../custom/index.ts';
import { applicationKind } from '../kinds/application/kind.ts';
import { formatApiVersion, type KubeObject } from '../object.ts';
import { resourceIdOf } from '../resource-kind.ts';

export const APPLICATION_DEFINITION = resourceIdOf(applicationKind);

export const isApplicationDefinition = ({ kind, apiVersion, metadata }: KubeObject): boolean =>
  kind === 'CustomResourceDefinition' &&
  apiVersion.startsWith('apiextensions.k8s.io/') &&
  metadata.name === APPLICATION_DEFINITION;

let made: KubeObject | undefined;

/** As it is written when there is none; the API adds its defaults. */
export function applicationDefinition(): KubeObject {
  made ??= {
    apiVersion: DEFINITION_API_VERSION,
    kind: 'CustomResourceDefinition',
    metadata: { name: APPLICATION_DEFINITION },
    spec: applicationSpec(),
  };
  return made;
}

function applicationSpec(): Record<string, unknown> {
  const { group, version, kind, plural, shortNames, singular } = applicationKind;
  const schemaName = schemaNameOf(formatApiVersion(group, version), kind) ?? '';
  return {
    group,
    scope: 'Namespaced',
    names: { plural, singular, kind, listKind: `${kind}List`, shortNames },
    versions: [
      {
        name: version,
        served: true,
        storage: true,
        schema: { openAPIV3Schema: structural(definitionOf(schemaName), true) },
        subresources: { status: {} },
        additionalPrinterColumns: COLUMNS,
      },
    ],
  };
}

const COLUMNS = [
  { name: 'Sync Status', type: 'string', jsonPath: '.status.sync.status' },
  { name: 'Health Status', type: 'string', jsonPath: '.status.health.status' },
  { name: 'Revision', type: 'string', jsonPath: '.status.sync.revision', priority: 10 },
  { name: 'Project', type: 'string', jsonPath: '.spec.project', priority: 10 },
];

/** A recorded schema without references, as a definition needs it, and without metadata. */
function structural(node: Schema | undefined, isRoot = false): Record<string, unknown> {
  const schema = resolveDefinition(node) ?? {};
  const { properties, items, additionalProperties } = schema;
  const description = node?.description ?? schema.description;
  if (schema.oneOf) return { ...(description ? { description } : {}), 'x-kubernetes-int-or-string': true };
  const { type, format, required, default: fallback } = schema;
  return {
    ...(description === undefined ? {} : { description }),
    type,
    ...(format === undefined ? {} : { format }),
    ...(required ? { required: required.filter((name) => !isRoot || name !== 'metadata') } : {}),
    ...(fallback === undefined ? {} : { default: fallback }),
    ...(properties
      ? {
          properties: Object.fromEntries(
            Object.entries(properties).map(([name, member]) => [
              name,
              isRoot && name === 'metadata' ? { type: 'object' } : structural(member),
            ]),
          ),
        }
      : {}),
    ...(items ? { items: structural(items) } : {}),
    ...(additionalProperties ? { additionalProperties: structural(additionalProperties) } : {}),
    ...(schema['x-kubernetes-preserve-unknown-fields']
      ? { 'x-kubernetes-preserve-unknown-fields': true }
      : {}),
  };
}
