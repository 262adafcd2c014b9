/** The largest data of a schema, by its limits or by the size of a request; upstream's figures. */
import { isRecord } from '../../../base/json.ts';
import type { Extent } from '../../cel/index.ts';
import { isEmbedded, MAX_SCHEMA_DEPTH, type StructuralSchema } from '../structural-schema.ts';
import { escapeName } from './escape.ts';

/** The largest body of a request. */
const MAX_BYTES = 3 * 1024 * 1024;
/** The most bytes of a character. */
const MAX_CHARACTER_BYTES = 4;

const TEXT: StructuralSchema = { type: 'string' };
const METADATA: StructuralSchema = { type: 'object', properties: { name: TEXT, generateName: TEXT } };

/** The shortest and the longest JSON of formats that CEL has types for. */
const FORMATS: Readonly<Record<string, { readonly minBytes: number; readonly maxSize: number }>> = {
  duration: { minBytes: 3, maxSize: 32 },
  date: { minBytes: 12, maxSize: 12 },
  'date-time': { minBytes: 21, maxSize: 32 },
};

/** Undefined for data that expressions do not see, as in shape.ts. */
export function extentOf(schema: StructuralSchema, isRoot: boolean, depth = 0): Extent | undefined {
  if (depth > MAX_SCHEMA_DEPTH) return undefined;
  if (schema['x-kubernetes-int-or-string'] === true)
    return { maxSize: maxCharacters(schema.maxLength) ?? MAX_BYTES - 2, minBytes: 1 };
  const inner = (of: unknown): Extent | undefined =>
    isRecord(of) ? extentOf(of, isEmbedded(of), depth + 1) : undefined;
  switch (schema.type) {
    case 'array': {
      const items = inner(schema.items);
      if (!items) return undefined;
      const most = Math.floor((MAX_BYTES - 2) / (items.minBytes + 1));
      return { maxSize: positive(schema.maxItems) ?? most, minBytes: 2, items };
    }
    case 'object':
      return isRecord(schema.additionalProperties)
        ? mapExtent(schema, inner(schema.additionalProperties))
        : objectExtent(schema, isRoot, inner);
    case 'string':
      return textExtent(schema);
    case 'boolean':
      return { maxSize: 0, minBytes: 4 };
    case 'integer':
    case 'number':
      return { maxSize: 0, minBytes: 1 };
    default:
      return undefined;
  }
}

const positive = (limit: number | undefined): number | undefined =>
  limit === undefined ? undefined : Math.max(0, limit);

function maxCharacters(maxLength: number | undefined): number | undefined {
  const limit = positive(maxLength);
  return limit === undefined ? undefined : limit * MAX_CHARACTER_BYTES;
}

function mapExtent(schema: StructuralSchema, values: Extent | undefined): Extent | undefined {
  if (!values) return undefined;
  // Each member has a key of two bytes, a colon, a comma and its quotation marks.
  const most = Math.floor((MAX_BYTES - 2) / (values.minBytes + 6));
  const keys = { maxSize: 0, minBytes: 2 };
  return { maxSize: positive(schema.maxProperties) ?? most, minBytes: 2, values, keys };
}

function objectExtent(
  schema: StructuralSchema,
  isRoot: boolean,
  inner: (of: unknown) => Extent | undefined,
): Extent {
  const common = isRoot ? { apiVersion: TEXT, kind: TEXT, metadata: METADATA } : {};
  const fields = new Map<string, Extent>();
  let minBytes = 2;
  for (const [name, property] of Object.entries({ ...schema.properties, ...common })) {
    const extent = inner(property);
    const escaped = escapeName(name);
    if (!extent) continue;
    if (escaped !== undefined) fields.set(escaped, extent);
    // A member that has a default need not be sent.
    if (schema.required?.includes(name) && property.default === undefined)
      minBytes += name.length + extent.minBytes + 4;
  }
  return { maxSize: 0, minBytes, fields };
}

function textExtent({ format, maxLength, enum: words }: StructuralSchema): Extent {
  const known = Object.hasOwn(FORMATS, format ?? '') ? FORMATS[format ?? ''] : undefined;
  if (known) return known;
  if (format === 'byte') return { maxSize: positive(maxLength) ?? MAX_BYTES - 2, minBytes: 2 };
  const longest = (words ?? []).reduce<number>(
    (most, word) => (typeof word === 'string' ? Math.max(most, Buffer.byteLength(word)) : most),
    0,
  );
  const unlimited = words && words.length > 0 ? longest : MAX_BYTES - 2;
  return { maxSize: maxCharacters(maxLength) ?? unlimited, minBytes: 2 };
}

/** The most occurrences of a value in lists and maps without a limit. */
export const mostOccurrences = ({ minBytes }: Extent): number => Math.floor(MAX_BYTES / (minBytes + 1));
