/**
 * Field selectors (`status.phase!=Running,spec.nodeName=a`): parsing with upstream's escapes and
 * messages, and the fields that each kind can be selected by.
 */
import { ownMember } from '../../base/json.ts';
import { asString, getPath } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import type { ResourceKind, SelectableFields } from '../resource-kind.ts';
import { badRequest, quote } from '../errors/status.ts';

export interface FieldRequirement {
  readonly field: string;
  readonly operator: '=' | '!=';
  readonly value: string;
}

const fieldsOf = (names: readonly string[], textOf: (value: unknown) => string): SelectableFields =>
  Object.fromEntries(
    names.map((name) => {
      const path = name.split('.');
      return [name, (object) => textOf(getPath(object, ...path))];
    }),
  );

/** Fields whose names are their paths. */
export const textFields = (...names: readonly string[]): SelectableFields => fieldsOf(names, scalarText);

/** Booleans that are stored only when they are true. */
export const flagFields = (...names: readonly string[]): SelectableFields =>
  fieldsOf(names, (value) => String(value === true));

function scalarText(value: unknown): string {
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : asString(value);
}

const METADATA = textFields('metadata.name', 'metadata.namespace');

/** Reads the text of a selector; throws a 400 `Status` error with upstream's message. */
export function parseFieldSelector(selector: string): readonly FieldRequirement[] {
  return splitTerms(selector)
    .sort()
    .filter((term) => term !== '')
    .map((term) => parseTerm(term, selector));
}

/** Splits at commas that no backslash precedes. */
function splitTerms(selector: string): string[] {
  const terms: string[] = [];
  let start = 0;
  for (let at = 0; at < selector.length; at += 1) {
    if (selector[at] === '\\') at += 1;
    else if (selector[at] === ',') {
      terms.push(selector.slice(start, at));
      start = at + 1;
    }
  }
  terms.push(selector.slice(start));
  return terms;
}

function parseTerm(term: string, selector: string): FieldRequirement {
  const match = /^((?:\\.|[^\\=!]|!(?!=))*?)(!=|==|=)([\s\S]*)$/.exec(term);
  if (!match) throw badRequest(`invalid selector: '${selector}'; can't understand '${term}'`);
  const [, field = '', operator, escaped = ''] = match;
  return { field, operator: operator === '!=' ? '!=' : '=', value: unescapeValue(escaped) };
}

function unescapeValue(escaped: string): string {
  let value = '';
  for (let at = 0; at < escaped.length; at += 1) {
    const char = escaped.charAt(at);
    if (char === ',' || char === '=')
      throw badRequest(`invalid field selector: unescaped character in value: ${char}`);
    if (char !== '\\') {
      value += char;
      continue;
    }
    at += 1;
    const next = escaped.charAt(at);
    if (next !== '\\' && next !== ',' && next !== '=')
      throw badRequest(`invalid field selector: invalid escape sequence: \\${next}`);
    value += next;
  }
  return value;
}

export function formatFieldSelector(requirements: readonly FieldRequirement[]): string {
  const escape = (value: string): string => value.replace(/[\\,=]/g, (char) => `\\${char}`);
  return requirements.map(({ field, operator, value }) => `${field}${operator}${escape(value)}`).join(',');
}

type Selectable = Pick<ResourceKind, 'selectable'>;

const extractorOf = ({ selectable }: Selectable, field: string): SelectableFields[string] | undefined =>
  ownMember(METADATA, field) ?? ownMember(selectable, field);

/** Throws a 400 `Status` error when the kind cannot be selected by one of the fields. */
export function checkFieldSelector(kind: Selectable, requirements: readonly FieldRequirement[]): void {
  for (const { field } of requirements) {
    if (extractorOf(kind, field)) continue;
    throw badRequest(
      kind.selectable
        ? `field label not supported: ${field}`
        : `${quote(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`,
    );
  }
}

/** The value of a field of an object, or undefined where the kind has no such field. */
export function fieldValue(kind: Selectable, object: KubeObject, field: string): string | undefined {
  return extractorOf(kind, field)?.(object);
}

/** Fields that the kind does not have match nothing. */
export function matchesFieldSelector(
  kind: Selectable,
  requirements: readonly FieldRequirement[],
  object: KubeObject,
): boolean {
  return requirements.every(({ field, operator, value }) => {
    const actual = fieldValue(kind, object, field);
    return actual !== undefined && (actual === value) === (operator === '=');
  });
}
