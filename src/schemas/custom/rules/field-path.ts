/** The `fieldPath` of a rule: names of the schema, written with dots or as `['name']`. */
import { isRecord } from '../../../base/json.ts';
import type { StructuralSchema } from '../structural-schema.ts';

/** Appended to the rule's path: `.name` for properties, `[name]` for keys. Undefined: invalid. */
export function readFieldPath(path: string, schema: StructuralSchema): string | undefined {
  let result = '';
  let at: StructuralSchema | undefined = schema;
  let rest = path;
  while (rest !== '') {
    const match = /^\.([^.[\]]+)|^\['((?:\\.|[^'\\])*)'\]/.exec(rest);
    const name: string | undefined = match?.[1] ?? match?.[2]?.replace(/\\(.)/g, '$1');
    if (!match || name === undefined || !at) return undefined;
    const { properties, additionalProperties }: StructuralSchema = at;
    if (properties) {
      if (!Object.hasOwn(properties, name)) return undefined;
      at = properties[name];
      result += `.${name}`;
    } else {
      if (!isRecord(additionalProperties)) return undefined;
      at = additionalProperties;
      result += `[${name}]`;
    }
    rest = rest.slice(match[0].length);
  }
  return result;
}
