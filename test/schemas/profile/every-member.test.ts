/**
 * No member of a kind is accepted and ignored in silence: each one that the schemas have is
 * implemented by a file that names it, or refused or ignored by a rule of the profile, which
 * docs/FIELDS.md shows.
 */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Definition, definitionOf, schemaNameOf } from '../../../src/schemas/definitions.ts';
import { rulesByKind } from './rules-by-kind.ts';
import { builtinKinds } from '../../../src/schemas/registry.ts';
import { formatApiVersion } from '../../../src/schemas/object.ts';
import { DATA, implementedMembers } from './implemented-members.ts';

const REFERENCE = '#/components/schemas/';
/**
 * JSON Schema itself, with tests of its own; and a choice with one value, as the others are
 * refused.
 */
const NOT_OURS = /\.JSONSchemaProps$|\.CustomResourceConversion$/;
/** The type of an object, and what the system itself writes. */
const NOT_GIVEN = ['apiVersion', 'kind', 'status'];
/** Types whose members count, but which are not implemented themselves. */
const HOLDERS = ['metadata', 'spec'];

const shortName = (schema: string): string => schema.replace(/^io\.(k8s\.)?/, '');

/**
 * All members that can be written in objects of the implemented kinds and that no rule is about: by
 * definition.
 */
function membersWithoutRule(): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const { group, version, kind, behaviour } of builtinKinds) {
    if (behaviour !== 'implemented') continue;
    const apiVersion = formatApiVersion(group, version);
    const rules = new Set(
      (rulesByKind.get(`${apiVersion}/${kind}`) ?? [])
        .map(({ path }) => path)
        .filter((path) => !path.endsWith('*')),
    );
    const name = schemaNameOf(apiVersion, kind);
    if (name === undefined) throw new Error(`there is no schema of ${kind}`);
    const visit = (definition: Definition, owner: string, path: string, above: readonly string[]): void => {
      for (const [member, schema] of Object.entries(definition.properties ?? {})) {
        const at = path === '' ? member : `${path}.${member}`;
        if ((path === '' && NOT_GIVEN.includes(member)) || rules.has(at)) continue;
        const members = found.get(owner) ?? new Set();
        if (path !== '' || !HOLDERS.includes(member)) found.set(owner, members.add(member));
        let [inner, below] = [schema, at];
        for (
          let next: Definition | undefined = schema;
          next;
          next = inner.items ?? inner.additionalProperties
        ) {
          if (next !== schema) below += '.*';
          inner = next;
        }
        const reference = (inner.$ref ?? inner.allOf?.[0]?.$ref)?.slice(REFERENCE.length);
        const target = reference === undefined ? inner : definitionOf(reference);
        const ownerBelow = reference === undefined ? `${owner}.${member}` : shortName(reference);
        if (!target || NOT_OURS.test(ownerBelow) || above.includes(ownerBelow)) continue;
        visit(target, ownerBelow, below, [...above, ownerBelow]);
      }
    };
    const definition = definitionOf(name);
    if (definition) visit(definition, shortName(name), '', [shortName(name)]);
  }
  return found;
}

const words = (text: string): string[] => text.split(' ').filter((word) => word !== '');
const classified = (definition: string): string[] =>
  Object.values(implementedMembers[definition] ?? {}).flatMap(words);

describe('every member of the implemented kinds', () => {
  const members = membersWithoutRule();

  it('is implemented somewhere, refused, or listed as ignored', () => {
    const unclassified = [...members].flatMap(([definition, names]) =>
      [...names]
        .filter((name) => !classified(definition).includes(name))
        .map((name) => `${definition}.${name}`),
    );
    expect(unclassified).toEqual([]);
    expect(members.size).toBeGreaterThan(100);
  });

  it('is there: the table names nothing that the schemas do not have, or that a rule is about', () => {
    const unknown = Object.keys(implementedMembers).flatMap((definition) =>
      classified(definition)
        .filter((name) => members.get(definition)?.has(name) !== true)
        .map((name) => `${definition}.${name}`),
    );
    expect(unknown).toEqual([]);
  });

  it('is named by the file that implements it', () => {
    const texts = new Map<string, string>();
    const missing = Object.entries(implementedMembers).flatMap(([definition, files]) =>
      Object.entries(files).flatMap(([file, names]) => {
        if (file === DATA) return [];
        const path = `src/${file}`;
        const text = texts.get(path) ?? (existsSync(path) ? readFileSync(path, 'utf8') : '');
        texts.set(path, text);
        const code = text.replaceAll(/\/\*[^]*?\*\/|\/\/.*/g, '');
        return words(names)
          .filter((name) => !new RegExp(`(?<![\\w$])${name}(?![\\w$])`).test(code))
          .map((name) => `${definition}.${name}: ${path}`);
      }),
    );
    expect(missing).toEqual([]);
  });
});
