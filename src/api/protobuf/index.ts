/**
 * Bodies in Kubernetes' protobuf form (`application/vnd.kubernetes.protobuf`): four bytes that say
 * so, and an envelope with the type and the message of the object. Objects of Kubernetes' own kinds
 * have this form, custom ones have not.
 */
import protobuf from 'protobufjs/minimal.js';
import { definitions } from '../../schemas/generated/definitions.js';
import { parseApiVersion } from '../../schemas/object.ts';
import { isStatusError } from '../../schemas/errors/status.ts';
import {
  createTypeSchemas,
  type SchemaDocument,
  type TypeSchemas,
} from '../../resources/decoding/type-schemas.ts';
import { type DecodeGuard, decodeMessage } from './decode-message.ts';
import { DISCOVERY } from './discovery-messages.ts';
import { encodeMessage } from './encode-message.ts';
import { createMessages, type Message, type Messages, SCHEMA_PROPS } from './messages.ts';

/** `k8s` and a zero byte. */
const MAGIC = Buffer.from([0x6b, 0x38, 0x73, 0x00]);
const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.';

/** Types that every group has under its own name. */
const EVERYWHERE: ReadonlySet<string> = new Set(['DeleteOptions', 'Status', 'WatchEvent']);
const PARTIAL: ReadonlySet<string> = new Set(['PartialObjectMetadata', 'PartialObjectMetadataList']);
/** Documents of `v1`, which belong to no group either. */
const DISCOVERY_DOCUMENTS: ReadonlySet<string> = new Set([
  'APIGroup',
  'APIGroupList',
  'APIResourceList',
  'APIVersions',
]);

interface Codec {
  readonly schemas: TypeSchemas;
  readonly messages: Messages;
}

let codec: Codec | undefined;

/** Made at the first body of this form. */
function theCodec(): Codec {
  codec ??= {
    schemas: createTypeSchemas(definitions as SchemaDocument),
    messages: createMessages(definitions as SchemaDocument),
  };
  return codec;
}

const context = {
  schemaProps(): Message {
    const message = theCodec().messages.of(SCHEMA_PROPS);
    if (!message) throw new Error('the schema of schemas is not known');
    return message;
  },
};

function messageOf(apiVersion: string, kind: string): Message | undefined {
  const { schemas, messages } = theCodec();
  if (EVERYWHERE.has(kind)) return messages.of(META + kind);
  if (PARTIAL.has(kind)) return apiVersion.startsWith('meta.k8s.io/') ? messages.of(META + kind) : undefined;
  if (apiVersion === 'v1' && DISCOVERY_DOCUMENTS.has(kind)) return messages.of(META + kind);
  if (apiVersion === 'apidiscovery.k8s.io/v2') return messages.of(DISCOVERY + kind);
  const { group, version } = parseApiVersion(apiVersion);
  const component = schemas.ofKind(group, version, kind)?.name;
  return component === undefined ? undefined : messages.of(component);
}

/** Whether objects of a kind can be sent in this form. */
export function hasProtobufForm(apiVersion: string, kind: string): boolean {
  return messageOf(apiVersion, kind) !== undefined;
}

export type Decoded =
  | { readonly result: 'object'; readonly value: Record<string, unknown> }
  /** Not of this form, or of no message that its type has. */
  | { readonly result: 'malformed'; readonly problem: string }
  /** The type has no such form here. */
  | { readonly result: 'unknown'; readonly apiVersion: string; readonly kind: string };

/** The object of a body, as its JSON would be. A Status that the guard throws is passed on. */
export function decodeObject(body: Uint8Array, guard: DecodeGuard = UNGUARDED): Decoded {
  const magic = body.subarray(0, MAGIC.length);
  if (!MAGIC.equals(magic)) {
    const problem = `provided data does not appear to be a protobuf message, expected prefix [${[...MAGIC].join(' ')}]`;
    return { result: 'malformed', problem };
  }
  try {
    const { apiVersion, kind, raw, encoding } = readEnvelope(body.subarray(MAGIC.length));
    if (encoding !== '') return { result: 'malformed', problem: 'the content of the message is encoded' };
    const message = messageOf(apiVersion, kind);
    if (!message) return { result: 'unknown', apiVersion, kind };
    return {
      result: 'object',
      value: { kind, apiVersion, ...decodeMessage(message, raw, { ...context, ...guard }) },
    };
  } catch (error) {
    if (isStatusError(error)) throw error;
    return { result: 'malformed', problem: error instanceof Error ? error.message : String(error) };
  }
}

const UNGUARDED: DecodeGuard = { onValue: () => undefined, onJson: () => undefined };

interface Envelope {
  readonly apiVersion: string;
  readonly kind: string;
  readonly raw: Uint8Array;
  readonly encoding: string;
}

/** `runtime.Unknown`: the type (1), the message (2), how it is encoded (3) and what it is (4). */
function readEnvelope(bytes: Uint8Array): Envelope {
  const reader = protobuf.Reader.create(bytes);
  const envelope = { apiVersion: '', kind: '', raw: new Uint8Array() as Uint8Array, encoding: '' };
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === TYPE_META) {
      const type = protobuf.Reader.create(reader.bytes());
      while (type.pos < type.len) {
        const inner = type.uint32();
        if (inner === API_VERSION) envelope.apiVersion = type.string();
        else if (inner === KIND) envelope.kind = type.string();
        else type.skipType(inner & 7);
      }
    } else if (tag === RAW) envelope.raw = reader.bytes();
    else if (tag === CONTENT_ENCODING) envelope.encoding = reader.string();
    else reader.skipType(tag & 7);
  }
  return envelope;
}

const DELIMITED = 2;
const TYPE_META = (1 << 3) | DELIMITED;
const RAW = (2 << 3) | DELIMITED;
const CONTENT_ENCODING = (3 << 3) | DELIMITED;
const CONTENT_TYPE = (4 << 3) | DELIMITED;
const API_VERSION = (1 << 3) | DELIMITED;
const KIND = (2 << 3) | DELIMITED;

function envelope(apiVersion: string, kind: string, raw: Uint8Array): Buffer {
  const out = protobuf.Writer.create();
  out.uint32(TYPE_META).fork();
  out.uint32(API_VERSION).string(apiVersion).uint32(KIND).string(kind);
  out.ldelim();
  out.uint32(RAW).bytes(raw);
  // Upstream writes both, empty.
  out.uint32(CONTENT_ENCODING).string('').uint32(CONTENT_TYPE).string('');
  return Buffer.concat([MAGIC, out.finish()]);
}

/** Undefined where the object's kind has no such form. */
export function encodeObject(object: Readonly<Record<string, unknown>>): Buffer | undefined {
  const { apiVersion, kind } = object;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') return undefined;
  const message = messageOf(apiVersion, kind);
  return message && envelope(apiVersion, kind, encodeMessage(message, object, context).finish());
}

/** An event of a watch: its length in four bytes, and a message of its type and its object. */
export function encodeWatchEvent(
  type: string,
  object: Readonly<Record<string, unknown>>,
): Buffer | undefined {
  const encoded = encodeObject(object);
  if (!encoded) return undefined;
  const out = protobuf.Writer.create();
  out.uint32((1 << 3) | DELIMITED).string(type);
  out.uint32((2 << 3) | DELIMITED).fork();
  out.uint32((1 << 3) | DELIMITED).bytes(encoded);
  out.ldelim();
  const event = out.finish();
  const length = Buffer.alloc(4);
  length.writeUInt32BE(event.length);
  return Buffer.concat([length, event]);
}
