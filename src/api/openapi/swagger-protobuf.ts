/**
 * Swagger 2.0 as a protobuf message, the only form that kubectl before 1.25 asks for: gnostic's
 * `openapi.v2.Document` (google/gnostic, openapiv2/OpenAPIv2.proto; the numbers below are its
 * fields'). Only what our documents have is written.
 */
import protobuf from 'protobufjs/minimal.js';
import { isRecord } from '../../base/json.ts';
import type { Swagger } from './version-2.ts';

type Out = protobuf.Writer;
type Write<T> = (out: Out, value: T) => void;

const LENGTH_DELIMITED = 2;

function text(out: Out, field: number, value: unknown): void {
  if (typeof value === 'string' && value !== '') out.uint32((field << 3) | LENGTH_DELIMITED).string(value);
}
function texts(out: Out, field: number, values: unknown): void {
  if (!Array.isArray(values)) return;
  for (const value of values) out.uint32((field << 3) | LENGTH_DELIMITED).string(String(value));
}
function flag(out: Out, field: number, value: unknown): void {
  if (value === true) out.uint32(field << 3).bool(true);
}
function count(out: Out, field: number, value: unknown): void {
  if (typeof value === 'number') out.uint32(field << 3).int64(Math.trunc(value));
}
function double(out: Out, field: number, value: unknown): void {
  if (typeof value === 'number') out.uint32((field << 3) | 1).double(value);
}
function message<T>(out: Out, field: number, value: T, write: Write<T>): void {
  out.uint32((field << 3) | LENGTH_DELIMITED).fork();
  write(out, value);
  out.ldelim();
}
/** A map as gnostic has it: messages of a name (1) and a value (2). */
function named(out: Out, field: number, entries: unknown, write: Write<Record<string, unknown>>): void {
  if (!isRecord(entries)) return;
  for (const [name, value] of Object.entries(entries))
    message(out, field, value, (entry) => {
      text(entry, 1, name);
      if (isRecord(value)) message(entry, 2, value, write);
    });
}
/** Any value stands as YAML, of which JSON is a part. */
function anything(out: Out, value: unknown): void {
  text(out, 2, `${JSON.stringify(value)}\n`);
}
function extensions(out: Out, field: number, of: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(of)) {
    if (!name.startsWith('x-')) continue;
    message(out, field, value, (entry) => {
      text(entry, 1, name);
      message(entry, 2, value, anything);
    });
  }
}

function schema(out: Out, of: Record<string, unknown>): void {
  text(out, 1, of['$ref']);
  text(out, 2, of['format']);
  text(out, 3, of['title']);
  text(out, 4, of['description']);
  double(out, 6, of['multipleOf']);
  double(out, 7, of['maximum']);
  flag(out, 8, of['exclusiveMaximum']);
  double(out, 9, of['minimum']);
  flag(out, 10, of['exclusiveMinimum']);
  count(out, 11, of['maxLength']);
  count(out, 12, of['minLength']);
  text(out, 13, of['pattern']);
  count(out, 14, of['maxItems']);
  count(out, 15, of['minItems']);
  flag(out, 16, of['uniqueItems']);
  count(out, 17, of['maxProperties']);
  count(out, 18, of['minProperties']);
  texts(out, 19, of['required']);
  if (Array.isArray(of['enum'])) for (const value of of['enum']) message(out, 20, value as unknown, anything);
  const more = of['additionalProperties'];
  if (isRecord(more)) message(out, 21, more, (item) => message(item, 1, more, schema));
  else if (more === true) message(out, 21, more, (item) => flag(item, 2, true));
  if (of['type'] !== undefined) message(out, 22, of['type'], (item, type) => text(item, 1, type));
  const items = of['items'];
  if (isRecord(items)) message(out, 23, items, (item) => message(item, 1, items, schema));
  if (isRecord(of['properties']))
    message(out, 25, of['properties'], (item, fields) => named(item, 1, fields, schema));
  extensions(out, 31, of);
}

function bodyParameter(out: Out, of: Record<string, unknown>): void {
  text(out, 2, of['name']);
  text(out, 3, of['in']);
  flag(out, 4, of['required']);
  if (isRecord(of['schema'])) message(out, 5, of['schema'], schema);
}

/** Parameters of the query and of the path: the numbers of the two messages differ by one. */
function plainParameter(out: Out, of: Record<string, unknown>): void {
  const shift = of['in'] === 'query' ? 1 : 0;
  flag(out, 1, of['required']);
  text(out, 2, of['in']);
  text(out, 4, of['name']);
  text(out, 5 + shift, of['type']);
  flag(out, 19 + shift, of['uniqueItems']);
}

function parameters(out: Out, field: number, list: unknown): void {
  if (!Array.isArray(list)) return;
  for (const entry of list as readonly unknown[]) {
    if (!isRecord(entry)) continue;
    const where = entry['in'];
    message(out, field, entry, (item) =>
      message(item, 1, entry, (parameter) => {
        if (where === 'body') message(parameter, 1, entry, bodyParameter);
        else
          message(parameter, 2, entry, (nonBody) =>
            message(nonBody, where === 'query' ? 3 : 4, entry, plainParameter),
          );
      }),
    );
  }
}

function response(out: Out, of: Record<string, unknown>): void {
  message(out, 1, of, (value) => {
    text(value, 1, of['description']);
    const answered = of['schema'];
    if (isRecord(answered)) message(value, 2, answered, (item) => message(item, 1, answered, schema));
  });
}

function operation(out: Out, of: Record<string, unknown>): void {
  texts(out, 1, of['tags']);
  text(out, 5, of['operationId']);
  texts(out, 6, of['produces']);
  texts(out, 7, of['consumes']);
  parameters(out, 8, of['parameters']);
  message(out, 9, of['responses'], (item, codes) => named(item, 1, codes, response));
  texts(out, 10, of['schemes']);
  extensions(out, 13, of);
}

const METHODS = { get: 2, put: 3, post: 4, delete: 5, options: 6, head: 7, patch: 8 } as const;

function pathItem(out: Out, of: Record<string, unknown>): void {
  for (const [method, field] of Object.entries(METHODS)) {
    const found = of[method];
    if (isRecord(found)) message(out, field, found, operation);
  }
  parameters(out, 9, of['parameters']);
}

function securityDefinition(out: Out, of: Record<string, unknown>): void {
  message(out, 2, of, (key) => {
    text(key, 1, of['type']);
    text(key, 2, of['name']);
    text(key, 3, of['in']);
    text(key, 4, of['description']);
  });
}

export function encodeSwagger(document: Swagger): Buffer {
  const out = protobuf.Writer.create();
  text(out, 1, document['swagger']);
  message(out, 2, document['info'], (info, of) => {
    if (!isRecord(of)) return;
    text(info, 1, of['title']);
    text(info, 2, of['version']);
  });
  message(out, 8, document['paths'], (paths, of) => named(paths, 2, of, pathItem));
  message(out, 9, document['definitions'], (definitions, of) => named(definitions, 1, of, schema));
  message(out, 13, document['securityDefinitions'], (definitions, of) =>
    named(definitions, 1, of, securityDefinition),
  );
  return Buffer.from(out.finish());
}
