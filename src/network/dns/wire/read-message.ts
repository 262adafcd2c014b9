/**
 * Reads DNS messages (RFC 1035 §4). Pure. Bytes come from anybody: every read is checked, pointers
 * of names only go back, and a message that breaks a rule throws {@link MalformedMessage}.
 */
import { FLAGS, HEADER_BYTES, TYPES } from './constants.ts';

export class MalformedMessage extends Error {}

export interface Edns {
  readonly udpBytes: number;
  readonly version: number;
  readonly isDnssecOk: boolean;
}

export interface Query {
  readonly id: number;
  readonly flags: number;
  /** As the client wrote it: an answer repeats the case of its letters. */
  readonly question: Buffer;
  /** In lower case, without the last dot. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
  readonly edns: Edns | undefined;
}

export interface WireRecord {
  readonly start: number;
  readonly type: number;
  readonly class: number;
  readonly ttlOffset: number;
  readonly ttl: number;
  readonly dataStart: number;
  readonly end: number;
}

export interface Sections {
  /** The end of the question. */
  readonly bodyStart: number;
  readonly answers: readonly WireRecord[];
  readonly authorities: readonly WireRecord[];
  readonly additionals: readonly WireRecord[];
}

const MAX_NAME_BYTES = 255;
const POINTER = 0xc0;
/** A message has room for more records than any honest one has. */
const MAX_RECORDS = 4_096;

/** The header must be there. */
export function readQuery(message: Buffer): Query {
  if (message.readUInt16BE(4) !== 1) throw new MalformedMessage('it has not one question');
  const { name, end } = readName(message, HEADER_BYTES, { mayPoint: false });
  need(message, end, 4);
  const bodyStart = end + 4;
  const { additionals } = readSections(message, bodyStart);
  const options = additionals.filter(({ type }) => type === TYPES.OPT);
  if (options.length > 1) throw new MalformedMessage('it has several OPT records');
  const [opt] = options;
  return {
    id: message.readUInt16BE(0),
    flags: message.readUInt16BE(2),
    question: message.subarray(HEADER_BYTES, bodyStart),
    name,
    type: message.readUInt16BE(end),
    class: message.readUInt16BE(end + 2),
    edns: opt && {
      udpBytes: opt.class,
      version: (opt.ttl >>> 16) & 0xff,
      isDnssecOk: (opt.ttl & 0x8000) !== 0,
    },
  };
}

/** The records of an answer, which has one question. */
export function readAnswerSections(message: Buffer): Sections {
  if (message.length < HEADER_BYTES || message.readUInt16BE(4) !== 1)
    throw new MalformedMessage('it has not one question');
  const { end } = readName(message, HEADER_BYTES, { mayPoint: false });
  need(message, end, 4);
  return readSections(message, end + 4);
}

function readSections(message: Buffer, bodyStart: number): Sections {
  let offset = bodyStart;
  const counts = [6, 8, 10].map((at) => message.readUInt16BE(at));
  if (counts.reduce((sum, count) => sum + count, 0) > MAX_RECORDS)
    throw new MalformedMessage('it has too many records');
  const [answers = [], authorities = [], additionals = []] = counts.map((count) =>
    Array.from({ length: count }, () => {
      const record = readRecord(message, offset);
      offset = record.end;
      return record;
    }),
  );
  return { bodyStart, answers, authorities, additionals };
}

function readRecord(message: Buffer, start: number): WireRecord {
  const at = skipName(message, start);
  need(message, at, 10);
  const end = at + 10 + message.readUInt16BE(at + 8);
  need(message, at, end - at);
  const [type, ttl] = [message.readUInt16BE(at), message.readUInt32BE(at + 4)];
  return {
    start,
    type,
    class: message.readUInt16BE(at + 2),
    ttlOffset: at + 4,
    ttl,
    dataStart: at + 10,
    end,
  };
}

function skipName(message: Buffer, start: number): number {
  let offset = start;
  for (;;) {
    need(message, offset, 1);
    const length = message[offset]!;
    if ((length & POINTER) === POINTER) {
      need(message, offset, 2);
      return offset + 2;
    }
    if ((length & POINTER) !== 0) throw new MalformedMessage('a label has an unknown type');
    if (length === 0) return offset + 1;
    offset += 1 + length;
    if (offset - start > MAX_NAME_BYTES) throw new MalformedMessage('a name is too long');
  }
}

/** `end`: where the name ends in the message, before any pointer is followed. */
export function readName(
  message: Buffer,
  start: number,
  { mayPoint = true }: { readonly mayPoint?: boolean } = {},
): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let [offset, bytes, end] = [start, 1, -1];
  let lowest = start;
  for (;;) {
    need(message, offset, 1);
    const length = message[offset]!;
    if (length === 0) return { name: labels.join('.'), end: end < 0 ? offset + 1 : end };
    if ((length & POINTER) === POINTER) {
      need(message, offset, 2);
      const target = message.readUInt16BE(offset) & 0x3fff;
      // A pointer that never goes forward cannot make a loop.
      if (!mayPoint || target >= lowest) throw new MalformedMessage('a name points to no earlier name');
      if (end < 0) end = offset + 2;
      lowest = target;
      offset = target;
      continue;
    }
    if ((length & POINTER) !== 0) throw new MalformedMessage('a label has an unknown type');
    need(message, offset + 1, length);
    bytes += 1 + length;
    if (bytes > MAX_NAME_BYTES) throw new MalformedMessage('a name is too long');
    labels.push(labelText(message, offset + 1, length));
    offset += 1 + length;
  }
}

/** In lower case. A dot within a label is written as in zone files, so that it ends no label. */
function labelText(message: Buffer, start: number, length: number): string {
  const text = message.toString('latin1', start, start + length);
  const lower = /[A-Z]/.test(text) ? text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase()) : text;
  return /[.\\]/.test(lower) ? lower.replaceAll('\\', '\\092').replaceAll('.', '\\046') : lower;
}

function need(message: Buffer, offset: number, bytes: number): void {
  if (offset + bytes > message.length) throw new MalformedMessage('it ends too early');
}

/** A message that asks something; others get no answer, lest two servers answer each other. */
export const isQuery = (message: Buffer): boolean =>
  message.length >= HEADER_BYTES && (message.readUInt16BE(2) & FLAGS.response) === 0;
