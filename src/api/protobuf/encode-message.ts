/**
 * A JSON value as the protobuf message of its type. Members that the message does not have, and
 * values of another type than the field's, are left out: what is encoded has passed validation.
 */
import protobuf from 'protobufjs/minimal.js';
import { isRecord } from '../../base/json.ts';
import type { FieldType, Message, MessageField, SpecialType } from './messages.ts';
import { instantOf, jsonBytes } from './special-types.ts';

type Writer = protobuf.Writer;

const WIRE = { varint: 0, fixed64: 1, delimited: 2 } as const;

export interface EncodeContext {
  readonly schemaProps: () => Message;
}

export function encodeMessage(
  message: Message,
  value: unknown,
  context: EncodeContext,
  out: Writer = protobuf.Writer.create(),
): Writer {
  if (!isRecord(value)) return out;
  for (const field of message.fields) {
    if (field.kind === 'inline') {
      delimited(out, field.number, (inner) => single(field.type, value, inner, context));
      continue;
    }
    const member = Object.hasOwn(value, field.name) ? value[field.name] : undefined;
    if (member !== undefined && member !== null) encodeField(field, member, out, context);
  }
  return out;
}

function encodeField(
  { kind, number, type }: MessageField,
  value: unknown,
  out: Writer,
  context: EncodeContext,
): void {
  if (kind === 'repeated') {
    if (Array.isArray(value)) for (const item of value) tagged(number, type, item as unknown, out, context);
  } else if (kind === 'map') {
    if (!isRecord(value)) return;
    for (const [key, member] of Object.entries(value))
      delimited(out, number, (entry) => {
        entry.uint32((1 << 3) | WIRE.delimited).string(key);
        tagged(2, type, member, entry, context);
      });
  } else {
    tagged(number, type, value, out, context);
  }
}

function delimited(out: Writer, number: number, write: (inner: Writer) => void): void {
  out.uint32((number << 3) | WIRE.delimited).fork();
  write(out);
  out.ldelim();
}

function tagged(number: number, type: FieldType, value: unknown, out: Writer, context: EncodeContext): void {
  switch (type.type) {
    case 'bool':
      if (typeof value === 'boolean') out.uint32(number << 3).bool(value);
      return;
    case 'integer':
      if (Number.isInteger(value)) out.uint32(number << 3).int64(value as number);
      return;
    case 'double':
      if (typeof value === 'number') out.uint32((number << 3) | WIRE.fixed64).double(value);
      return;
    case 'string':
      if (typeof value === 'string') out.uint32((number << 3) | WIRE.delimited).string(value);
      return;
    case 'bytes':
      if (typeof value === 'string')
        out.uint32((number << 3) | WIRE.delimited).bytes(Buffer.from(value, 'base64'));
      return;
    default:
      delimited(out, number, (inner) => single(type, value, inner, context));
  }
}

/** The inside of a message. */
function single(type: FieldType, value: unknown, out: Writer, context: EncodeContext): void {
  if (type.type === 'message') encodeMessage(type.message(), value, context, out);
  else if (type.type === 'special') special(type.special, value, out, context);
  else if (type.type === 'list' && Array.isArray(value))
    for (const item of value) tagged(1, type.of, item as unknown, out, context);
}

function special(type: SpecialType, value: unknown, out: Writer, context: EncodeContext): void {
  switch (type) {
    case 'time':
    case 'microTime': {
      const instant = typeof value === 'string' ? instantOf(value) : undefined;
      if (!instant) return;
      out.uint32(1 << 3).int64(instant.seconds);
      out.uint32(2 << 3).int32(type === 'microTime' ? instant.nanos : 0);
      return;
    }
    case 'quantity':
      out.uint32((1 << 3) | WIRE.delimited).string(String(value));
      return;
    case 'intOrString':
      out.uint32(1 << 3).int64(typeof value === 'string' ? 1 : 0);
      out.uint32(2 << 3).int32(typeof value === 'number' ? value : 0);
      out.uint32((3 << 3) | WIRE.delimited).string(typeof value === 'string' ? value : '');
      return;
    case 'rawExtension':
    case 'fields':
    case 'json':
      out.uint32((1 << 3) | WIRE.delimited).bytes(jsonBytes(value));
      return;
    case 'empty':
      return;
    default:
      encodeSchemaOr(type, value, out, context);
  }
}

function encodeSchemaOr(
  type: 'schemaOrArray' | 'schemaOrBool' | 'schemaOrStrings',
  value: unknown,
  out: Writer,
  context: EncodeContext,
): void {
  const schema = (number: number, item: unknown): void =>
    delimited(out, number, (inner) => encodeMessage(context.schemaProps(), item, context, inner));
  if (type === 'schemaOrBool') {
    // A schema implies that it is allowed.
    out.uint32(1 << 3).bool(value !== false);
    if (isRecord(value)) schema(2, value);
  } else if (!Array.isArray(value)) {
    if (isRecord(value)) schema(1, value);
  } else if (type === 'schemaOrArray') {
    for (const item of value as readonly unknown[]) schema(2, item);
  } else {
    for (const item of value as readonly unknown[])
      if (typeof item === 'string') out.uint32((2 << 3) | WIRE.delimited).string(item);
  }
}
