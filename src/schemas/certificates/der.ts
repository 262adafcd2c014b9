/**
 * Reading DER (ITU-T X.690), as far as certificate requests need it: definite lengths, one-byte
 * tags. Throws on anything else; every length is checked against what is there.
 */

export interface DerValue {
  readonly tag: number;
  /** Without tag and length. */
  readonly content: Buffer;
  /** With them. */
  readonly whole: Buffer;
}

export const TAGS = {
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  sequence: 0x30,
  set: 0x31,
} as const;

/** The one value that the bytes are. */
export function readDer(bytes: Buffer): DerValue {
  const [value, ...more] = readAll(bytes);
  if (!value || more.length > 0) throw new Error('asn1: syntax error: trailing data');
  return value;
}

/** The members of a constructed value. */
export const membersOf = ({ content }: DerValue): readonly DerValue[] => readAll(content);

export function expectTag(value: DerValue | undefined, tag: number): DerValue {
  if (value?.tag !== tag) throw new Error("asn1: structure error: tags don't match");
  return value;
}

/** `2.5.4.3` */
export function oidOf(value: DerValue | undefined): string {
  const { content } = expectTag(value, TAGS.oid);
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of content) {
    arc = arc * 128 + (byte & 0x7f);
    if (!Number.isSafeInteger(arc)) throw new Error('asn1: structure error: invalid object identifier');
    if (byte < 0x80) {
      arcs.push(arc);
      arc = 0;
    }
  }
  const [first = 0, ...rest] = arcs;
  const root = Math.min(Math.floor(first / 40), 2);
  return [root, first - 40 * root, ...rest].join('.');
}

/** The bytes of a bit string without unused bits, which is what keys and signatures are. */
export function bitsOf(value: DerValue | undefined): Buffer {
  const { content } = expectTag(value, TAGS.bitString);
  if (content[0] !== 0) throw new Error('asn1: syntax error: invalid padding bits in BIT STRING');
  return content.subarray(1);
}

function readAll(bytes: Buffer): readonly DerValue[] {
  const values: DerValue[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at] ?? 0;
    if ((tag & 0x1f) === 0x1f) throw new Error('asn1: structure error: long tags are not read');
    const { start, length } = readLength(bytes, at + 1);
    const end = start + length;
    if (end > bytes.length) throw new Error('asn1: syntax error: data truncated');
    values.push({ tag, content: bytes.subarray(start, end), whole: bytes.subarray(at, end) });
    at = end;
  }
  return values;
}

/** Lengths of more bytes than this say more than any request has. */
const MAX_LENGTH_BYTES = 4;

function readLength(bytes: Buffer, at: number): { readonly start: number; readonly length: number } {
  const first = bytes[at];
  if (first === undefined) throw new Error('asn1: syntax error: truncated tag or length');
  if (first < 0x80) return { start: at + 1, length: first };
  const count = first & 0x7f;
  if (count === 0 || count > MAX_LENGTH_BYTES || at + 1 + count > bytes.length)
    throw new Error('asn1: syntax error: invalid length');
  return { start: at + 1 + count, length: bytes.readUIntBE(at + 1, count) };
}
