/**
 * Fields of bytes, which JSON and YAML carry as base64 text. Kubernetes' decoder ignores line
 * breaks in it (`kubectl kustomize` and PEM tools wrap long lines), and what is stored has none.
 */
import { isRecord, setMember } from '../../base/json.ts';
import { type Definition, childDefinition, definitionOf, resolveDefinition } from '../definitions.ts';

/** Deeper nesting is refused by the structure check anyway. */
const MAX_DEPTH = 200;

export const isBytes = ({ format }: Definition): boolean => format === 'byte';

export function withoutLineBreaks(text: string): string {
  return text.includes('\n') || text.includes('\r') ? text.replaceAll(/[\r\n]/g, '') : text;
}

/** The object with its base64 on one line each; itself where there is nothing to do. */
export function unwrapBytes<T>(schemaName: string, object: T): T {
  const definition = definitionOf(schemaName);
  return definition && holdsBytes(definition) ? (unwrap(object, definition, 0) as T) : object;
}

const known = new Map<Definition, boolean>();

/** Whether any field below may hold bytes: for most kinds none does, and nothing is walked. */
function holdsBytes(definition: Definition): boolean {
  const found = known.get(definition);
  if (found !== undefined) return found;
  // For definitions that contain themselves: while this one is looked into, it adds nothing.
  known.set(definition, false);
  const parts = [
    ...Object.values(definition.properties ?? {}),
    ...(definition.items ? [definition.items] : []),
    ...(isRecord(definition.additionalProperties) ? [definition.additionalProperties] : []),
  ];
  const holds =
    isBytes(definition) ||
    parts.some((part) => {
      const resolved = resolveDefinition(part);
      return resolved !== undefined && holdsBytes(resolved);
    });
  known.set(definition, holds);
  return holds;
}

function unwrap(value: unknown, definition: Definition | undefined, depth: number): unknown {
  if (!definition || depth > MAX_DEPTH || !holdsBytes(definition)) return value;
  if (typeof value === 'string') return isBytes(definition) ? withoutLineBreaks(value) : value;
  if (Array.isArray(value)) {
    const items = resolveDefinition(definition.items);
    return value.map((item: unknown) => unwrap(item, items, depth + 1));
  }
  if (!isRecord(value)) return value;
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value))
    setMember(copy, key, unwrap(value[key], childDefinition(definition, key), depth + 1));
  return copy;
}
