/**
 * Decodes a protobuf message to the JSON value of the same object. It omits what upstream's JSON
 * omits, so that later code cannot tell the forms apart. Throws a RangeError or SyntaxError for
 * other bytes.
 */
import protobuf from 'protobufjs/minimal.js';
import type { FieldType, Message, MessageField, SpecialType } from './messages.ts';
import { type Instant, jsonOf, timeText } from './special-types.ts';

type Reader = protobuf.Reader;
type Json = Record<string, unknown>;

/** Deeper than any object; schemas of custom resources may nest. */
const MAX_DEPTH = 64;

const WIRE = { varint: 0, fixed64: 1, delimited: 2 } as const;

/** Throws if a message holds too much: a value of two bytes takes a hundred times as much here. */
export interface DecodeGuard {
  /** Called for each value before it is made. */
  readonly onValue: () => void;
  /** Called for JSON in a message before it is parsed. */
  readonly onJson: (bytes: Uint8Array) => void;
}

export interface DecodeContext extends DecodeGuard {
  /** The message of a schema in a CustomResourceDefinition, which its special types refer to. */
  readonly schemaProps: () => Message;
}

export function decodeMessage(message: Message, bytes: Uint8Array, context: DecodeContext, depth = 0): Json {
  if (depth > MAX_DEPTH) throw new RangeError('the message is nested too deeply');
  const reader = protobuf.Reader.create(bytes);
  const found = new Map<MessageField, unknown[]>();
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const field = message.byNumber.get(tag >>> 3);
    if (!field) {
      reader.skipType(tag & 7);
      continue;
    }
    let values = found.get(field);
    if (!values) found.set(field, (values = []));
    const isPacked = field.kind === 'repeated' && (tag & 7) === WIRE.delimited && isNumeric(field.type);
    if (isPacked) {
      const end = reader.uint32() + reader.pos;
      while (reader.pos < end) {
        context.onValue();
        values.push(scalar(field.type, reader));
      }
      continue;
    }
    expectWire(tag, field);
    context.onValue();
    values.push(field.kind === 'map' ? mapEntry(field, reader) : single(field.type, reader));
  }
  const json: Json = {};
  for (const field of message.fields) place(json, field, found.get(field));
  return json;

  function single(type: FieldType, from: Reader): unknown {
    switch (type.type) {
      case 'message':
        return decodeMessage(type.message(), from.bytes(), context, depth + 1);
      case 'special':
        return special(type.special, from.bytes(), context, depth + 1);
      case 'list':
        return listOf(type.of, from.bytes());
      default:
        return scalar(type, from);
    }
  }
  function listOf(type: FieldType, from: Uint8Array): unknown[] {
    const items: unknown[] = [];
    eachField(from, (number, inner) => {
      if (number !== 1) return false;
      context.onValue();
      items.push(single(type, inner));
      return true;
    });
    return items;
  }
  function mapEntry({ type }: MessageField, from: Reader): readonly [string, unknown] {
    let key = '';
    let value: unknown;
    eachField(from.bytes(), (number, inner) => {
      if (number === 1) key = inner.string();
      else if (number === 2) value = single(type, inner);
      else return false;
      return true;
    });
    return [key, value ?? zeroOf(type)];
  }
}

/** Calls for each field of a message and skips fields that are not handled. */
function eachField(bytes: Uint8Array, take: (number: number, reader: Reader) => boolean): void {
  const reader = protobuf.Reader.create(bytes);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (!take(tag >>> 3, reader)) reader.skipType(tag & 7);
  }
}

function place(json: Json, field: MessageField, values: readonly unknown[] | undefined): void {
  if (!values || values.length === 0) return;
  switch (field.kind) {
    case 'inline':
      for (const value of values) Object.assign(json, value);
      return;
    case 'repeated':
      json[field.name] = values;
      return;
    case 'map':
      // fromEntries makes own members, whatever a key is called.
      json[field.name] = Object.fromEntries(values as readonly (readonly [string, unknown])[]);
      return;
    default: {
      const value = values.at(-1);
      if (value !== undefined && (field.optional || field.always || !isZero(field.type, value)))
        json[field.name] = value;
    }
  }
}

/** Zeroes that upstream's JSON omits unless the field is a pointer. Messages are never omitted. */
function isZero(type: FieldType, value: unknown): boolean {
  if (type.type === 'special')
    return (type.special === 'intOrString' && value === 0) || (type.special === 'quantity' && value === '');
  return value === '' || value === 0 || value === false;
}

function zeroOf(type: FieldType): unknown {
  switch (type.type) {
    case 'string':
    case 'bytes':
      return '';
    case 'bool':
      return false;
    case 'integer':
    case 'double':
      return 0;
    case 'list':
      return [];
    case 'special':
      return type.special === 'quantity' ? '0' : null;
    case 'message':
      return {};
  }
}

const isNumeric = ({ type }: FieldType): boolean =>
  type === 'integer' || type === 'double' || type === 'bool';

function expectWire(tag: number, { type, kind, number }: MessageField): void {
  const wanted =
    kind === 'map' || !isNumeric(type) ? WIRE.delimited : type.type === 'double' ? WIRE.fixed64 : WIRE.varint;
  if ((tag & 7) !== wanted) throw new RangeError(`wrong wireType = ${tag & 7} for field ${number}`);
}

function scalar({ type }: FieldType, reader: Reader): unknown {
  switch (type) {
    case 'bool':
      return reader.bool();
    case 'integer':
      return Number(reader.int64());
    case 'double':
      return reader.double();
    case 'bytes':
      return Buffer.from(reader.bytes()).toString('base64');
    default:
      return reader.string();
  }
}

function special(type: SpecialType, bytes: Uint8Array, context: DecodeContext, depth: number): unknown {
  switch (type) {
    case 'time':
    case 'microTime':
      return decodeTime(bytes, type === 'microTime');
    case 'quantity': {
      let text = '';
      eachField(bytes, (number, reader) => {
        if (number !== 1) return false;
        text = reader.string();
        return true;
      });
      return text;
    }
    case 'intOrString':
      return decodeIntOrString(bytes);
    case 'rawExtension':
    case 'fields':
    case 'json': {
      let raw: Uint8Array = new Uint8Array();
      eachField(bytes, (number, reader) => {
        if (number !== 1) return false;
        raw = reader.bytes();
        return true;
      });
      context.onJson(raw);
      return jsonOf(raw);
    }
    case 'empty':
      return {};
    default:
      return decodeSchemaOr(type, bytes, context, depth);
  }
}

/** Nothing is the zero time, which JSON writes as null: absent. */
function decodeTime(bytes: Uint8Array, micro: boolean): string | undefined {
  if (bytes.length === 0) return undefined;
  const instant: { -readonly [K in keyof Instant]: number } = { seconds: 0, nanos: 0 };
  eachField(bytes, (number, reader) => {
    if (number === 1) instant.seconds = Number(reader.int64());
    else if (number === 2) instant.nanos = reader.int32();
    else return false;
    return true;
  });
  const text = timeText(instant, micro);
  if (text === undefined) throw new RangeError('a time is beyond what can be written');
  return text;
}

function decodeIntOrString(bytes: Uint8Array): number | string {
  let isText = false;
  let integer = 0;
  let text = '';
  eachField(bytes, (number, reader) => {
    if (number === 1) isText = Number(reader.int64()) === 1;
    else if (number === 2) integer = reader.int32();
    else if (number === 3) text = reader.string();
    else return false;
    return true;
  });
  return isText ? text : integer;
}

/** A schema, or else a list of them, a yes or no, a list of names. */
function decodeSchemaOr(
  type: 'schemaOrArray' | 'schemaOrBool' | 'schemaOrStrings',
  bytes: Uint8Array,
  context: DecodeContext,
  depth: number,
): unknown {
  let schema: Json | undefined;
  let allows = false;
  const list: unknown[] = [];
  const schemaField = type === 'schemaOrBool' ? 2 : 1;
  eachField(bytes, (number, reader) => {
    context.onValue();
    if (number === schemaField) schema = decodeMessage(context.schemaProps(), reader.bytes(), context, depth);
    else if (number === 1) allows = reader.bool();
    else if (number === 2 && type === 'schemaOrStrings') list.push(reader.string());
    else if (number === 2) list.push(decodeMessage(context.schemaProps(), reader.bytes(), context, depth));
    else return false;
    return true;
  });
  return schema ?? (type === 'schemaOrBool' ? allows : list);
}
