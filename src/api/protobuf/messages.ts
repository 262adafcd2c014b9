/**
 * Descriptions of protobuf messages: the recorded numbers of fields together with the types that
 * the OpenAPI components give them. A description is made when its component is first met.
 */
import { fieldNumbers } from '../../schemas/generated/derived.js';
import type { SchemaDocument, TypeSchema } from '../../resources/decoding/type-schemas.ts';
import { UNRECORDED_NUMBERS, UNRECORDED_SCHEMAS } from './discovery-messages.ts';

/** Types whose JSON has another shape than their message. */
export type SpecialType =
  | 'time'
  | 'microTime'
  | 'quantity'
  | 'intOrString'
  | 'rawExtension'
  | 'fields'
  | 'json'
  | 'schemaOrArray'
  | 'schemaOrBool'
  | 'schemaOrStrings'
  | 'empty';

export type FieldType =
  | { readonly type: 'string' | 'bool' | 'integer' | 'double' | 'bytes' }
  | { readonly type: 'message'; readonly message: () => Message }
  | { readonly type: 'special'; readonly special: SpecialType }
  /** A list where protobuf has none (as the value of a map): a message of one repeated field. */
  | { readonly type: 'list'; readonly of: FieldType };

export interface MessageField {
  /** As in JSON; empty where the fields of the message stand inline. */
  readonly name: string;
  readonly number: number;
  readonly kind: 'single' | 'repeated' | 'map' | 'inline';
  readonly type: FieldType;
  /** Upstream's zero means something: it is kept. */
  readonly optional: boolean;
  /** Upstream's JSON has this field even when it is zero. */
  readonly always: boolean;
}

export interface Message {
  readonly fields: readonly MessageField[];
  readonly byNumber: ReadonlyMap<number, MessageField>;
}

export interface Messages {
  /** The message of a component; undefined where its numbers are not known. */
  of(component: string): Message | undefined;
}

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
const EXTENSIONS = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.';
const REFERENCE = '#/components/schemas/';

const SPECIAL: Readonly<Partial<Record<string, SpecialType>>> = {
  [`${META}Time`]: 'time',
  [`${META}MicroTime`]: 'microTime',
  [`${META}FieldsV1`]: 'fields',
  'io.k8s.apimachinery.pkg.api.resource.Quantity': 'quantity',
  'io.k8s.apimachinery.pkg.runtime.RawExtension': 'rawExtension',
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': 'intOrString',
  [`${EXTENSIONS}JSON`]: 'json',
  [`${EXTENSIONS}JSONSchemaPropsOrArray`]: 'schemaOrArray',
  [`${EXTENSIONS}JSONSchemaPropsOrBool`]: 'schemaOrBool',
  [`${EXTENSIONS}JSONSchemaPropsOrStringArray`]: 'schemaOrStrings',
  [`${EXTENSIONS}CustomResourceSubresourceStatus`]: 'empty',
};

/** The one message that refers to itself through the special types. */
export const SCHEMA_PROPS = `${EXTENSIONS}JSONSchemaProps`;

const ZEROES: ReadonlySet<unknown> = new Set(['', 0, false]);

export function createMessages(document: SchemaDocument): Messages {
  const made = new Map<string, Message | undefined>();

  function of(component: string): Message | undefined {
    if (made.has(component)) return made.get(component);
    const numbers = fieldNumbers[component] ?? UNRECORDED_NUMBERS[component];
    const schema = document[component] ?? UNRECORDED_SCHEMAS[component];
    const message =
      numbers === undefined || !schema
        ? undefined
        : messageOf(parseNumbers(numbers), schema.properties ?? {});
    made.set(component, message);
    return message;
  }

  function messageOf(
    numbers: readonly Numbered[],
    properties: Readonly<Record<string, TypeSchema>>,
  ): Message {
    const fields = numbers.flatMap((entry): MessageField[] => {
      if (entry.inline) {
        const inner = messageOf(entry.inline, properties);
        const type: FieldType = { type: 'message', message: () => inner };
        return [{ name: '', number: entry.number, kind: 'inline', type, optional: false, always: false }];
      }
      const schema = Object.hasOwn(properties, entry.name) ? properties[entry.name] : undefined;
      return schema ? [fieldOf(entry, schema)] : [];
    });
    return { fields, byNumber: new Map(fields.map((field) => [field.number, field])) };
  }

  function fieldOf({ name, number, optional }: Numbered, schema: TypeSchema): MessageField {
    // A default that is the zero itself is how the document says that the field is never left out.
    const always = ZEROES.has(schema['default']);
    const common = { name, number, optional, always };
    if (schema.type === 'array') return { ...common, kind: 'repeated', type: typeOf(schema.items ?? {}) };
    const values = schema.additionalProperties;
    if (typeof values === 'object') return { ...common, kind: 'map', type: typeOf(values) };
    return { ...common, kind: 'single', type: typeOf(schema) };
  }

  function typeOf(schema: TypeSchema): FieldType {
    const reference = schema.$ref ?? schema.allOf?.[0]?.$ref;
    if (reference !== undefined) {
      const component = reference.slice(REFERENCE.length);
      const special = SPECIAL[component];
      if (special) return { type: 'special', special };
      return { type: 'message', message: () => of(component) ?? NOTHING };
    }
    switch (schema.type) {
      case 'array':
        return { type: 'list', of: typeOf(schema.items ?? {}) };
      case 'boolean':
        return { type: 'bool' };
      case 'integer':
        return { type: 'integer' };
      case 'number':
        return { type: 'double' };
      default:
        return { type: schema.format === 'byte' ? 'bytes' : 'string' };
    }
  }

  return { of };
}

/** A message whose fields are not known: skipped when read, empty when written. */
const NOTHING: Message = { fields: [], byNumber: new Map() };

interface Numbered {
  readonly name: string;
  readonly number: number;
  readonly optional: boolean;
  readonly inline?: readonly Numbered[];
}

/**
 * Reads the fields of a message. Their numbers count on, where none is given (`name:7`). `?` marks
 * a pointer upstream, whose zero means something; `(…)` is a message that stands inline in JSON.
 */
function parseNumbers(line: string): readonly Numbered[] {
  const tokens = line.match(/[^\s()]+|[()]/g) ?? [];
  let at = 0;
  function list(): readonly Numbered[] {
    const found: Numbered[] = [];
    let number = 0;
    for (; at < tokens.length; at += 1) {
      const token = tokens[at] ?? '';
      if (token === ')') return found;
      const [, name = '', given, mark] = /^(.*?)(?::(\d+))?(\?)?$/.exec(token) ?? [];
      number = given === undefined ? number + 1 : Number(given);
      if (token !== '(') found.push({ name, number, optional: mark !== undefined });
      else {
        at += 1;
        found.push({ name: '', number, optional: false, inline: list() });
      }
    }
    return found;
  }
  return list();
}
