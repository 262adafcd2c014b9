/** The definition that shows Applications to clients. */
import { expect, it } from 'vitest';
import {
  APPLICATION_DEFINITION,
  applicationDefinition,
} from '../../../src/schemas/applications/application-definition.ts';
import { customResourceDefinitionKind } from '../../../src/schemas/kinds/custom-resource-definition.ts';
import { asRecord, asRecords, getPath } from '../../../src/schemas/json-access.ts';

const schema = asRecord(
  getPath(asRecords(getPath(applicationDefinition(), 'spec', 'versions'))[0], 'schema', 'openAPIV3Schema'),
);

/**
 * The paths of all fields without a description; `type` and `kind` of every object are the API's.
 */
function silentFields(node: Record<string, unknown>, path: string): readonly string[] {
  const { items } = node;
  const members = Object.entries(asRecord(node['properties'])).flatMap(([name, member]) => {
    const at = path === '' ? name : `${path}.${name}`;
    if (['apiVersion', 'kind', 'metadata'].includes(at)) return [];
    const own = asRecord(member);
    return [...(own['description'] === undefined ? [at] : []), ...silentFields(own, at)];
  });
  return [...members, ...(items === undefined ? [] : silentFields(asRecord(items), `${path}[]`))];
}

it('is one that the API takes, of the name that Argo CD gives it', () => {
  const definition = customResourceDefinitionKind.withDefaults(applicationDefinition());
  expect(definition.metadata.name).toBe('applications.argoproj.io');
  expect(APPLICATION_DEFINITION).toBe('applications.argoproj.io');
  expect(customResourceDefinitionKind.checkStructure(definition)).toEqual([]);
  expect(customResourceDefinitionKind.validate(definition)).toEqual([]);
});

it('has a description for every field, and no reference', () => {
  expect(silentFields(schema, '')).toEqual([]);
  expect(JSON.stringify(schema)).not.toContain('$ref');
  expect(getPath(schema, 'properties', 'spec', 'properties', 'source', 'required')).toEqual(['repoURL']);
});
