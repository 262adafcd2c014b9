/**
 * Writes answers (RFC 1035 §4) with compressed names, which lets three times as many addresses fit
 * a datagram. Pure. What does not fit is left out and the answer says so: clients ask again by TCP.
 */
import { parseAddress } from '../../../schemas/values/ip-address.ts';
import type { DnsRecord } from '../answer-question.ts';
import {
  CLASS_IN,
  CODES,
  type CodeName,
  EDNS_UDP_BYTES,
  FLAGS,
  HEADER_BYTES,
  MAX_MESSAGE_BYTES,
  OPT_BYTES,
  PLAIN_UDP_BYTES,
  TYPES,
} from './constants.ts';
import type { Query } from './read-message.ts';

/** Says how long a negative answer holds (RFC 2308). */
export interface SoaRecord {
  readonly type: 'SOA';
  readonly name: string;
  readonly serial: number;
}

export interface Response {
  readonly code: CodeName;
  /** In seconds, for every record. */
  readonly ttl: number;
  readonly answers?: readonly (DnsRecord | SoaRecord)[];
  readonly authorities?: readonly SoaRecord[];
  readonly additionals?: readonly DnsRecord[];
  readonly isAuthoritative?: boolean;
}

export type Transport = 'udp' | 'tcp';

/** The longest answer that the client takes. */
export function mostBytes({ edns }: Pick<Query, 'edns'>, transport: Transport): number {
  if (transport === 'tcp') return MAX_MESSAGE_BYTES;
  return edns ? Math.min(Math.max(edns.udpBytes, PLAIN_UDP_BYTES), EDNS_UDP_BYTES) : PLAIN_UDP_BYTES;
}

/** Room for every message; answers are copied out of it. */
const scratch = Buffer.alloc(MAX_MESSAGE_BYTES);

export function writeResponse(query: Query, response: Response, transport: Transport): Buffer {
  const limit = mostBytes(query, transport) - (query.edns ? OPT_BYTES : 0);
  const { answers = [], authorities = [], additionals = [], ttl } = response;
  query.question.copy(scratch, HEADER_BYTES);
  const names = new Map<string, number>();
  rememberName(names, query.name, HEADER_BYTES);
  const writer: Writer = { limit, names, offset: HEADER_BYTES + query.question.length };

  const answered = writeAll(writer, answers, ttl);
  const isCut = answered < answers.length;
  const judged = isCut ? 0 : writeAll(writer, authorities, ttl);
  const added = isCut ? 0 : writeAll(writer, additionals, ttl);
  const flags =
    FLAGS.response |
    FLAGS.recursionAvailable |
    (query.flags & (FLAGS.recursionDesired | FLAGS.checkingDisabled)) |
    (response.isAuthoritative === false ? 0 : FLAGS.authoritative) |
    (isCut ? FLAGS.truncated : 0) |
    CODES[response.code];
  writeHeader(scratch, { id: query.id, flags, counts: [1, answered, judged, added + (query.edns ? 1 : 0)] });
  if (query.edns) writer.offset = writeOpt(scratch, writer.offset, query.edns.isDnssecOk);
  return Buffer.from(scratch.subarray(0, writer.offset));
}

/** An answer without records to a query whose question may be unreadable. */
export function writeRefusal(message: Buffer, code: CodeName): Buffer {
  const answer = Buffer.alloc(HEADER_BYTES);
  const asked = message.readUInt16BE(2) & (FLAGS.opcode | FLAGS.recursionDesired);
  writeHeader(answer, {
    id: message.readUInt16BE(0),
    flags: FLAGS.response | FLAGS.recursionAvailable | asked | CODES[code],
    counts: [0, 0, 0, 0],
  });
  return answer;
}

/** BADVERS: only version 0 of EDNS exists (RFC 6891 §6.1.3). */
export function writeBadVersion(query: Query): Buffer {
  const bytes = writeResponse(query, { code: 'NOERROR', ttl: 0, isAuthoritative: false }, 'udp');
  // The upper bits of the code are in the OPT record.
  bytes[bytes.length - OPT_BYTES + 5] = 1;
  return bytes;
}

export function writeHeader(
  message: Buffer,
  header: {
    readonly id: number;
    readonly flags: number;
    readonly counts: readonly [questions: number, answers: number, authorities: number, additionals: number];
  },
): void {
  message.writeUInt16BE(header.id, 0);
  message.writeUInt16BE(header.flags, 2);
  header.counts.forEach((count, index) => message.writeUInt16BE(count, 4 + 2 * index));
}

/** Answers the offset behind it. */
export function writeOpt(message: Buffer, offset: number, isDnssecOk: boolean): number {
  message[offset] = 0;
  message.writeUInt16BE(TYPES.OPT, offset + 1);
  message.writeUInt16BE(EDNS_UDP_BYTES, offset + 3);
  message.writeUInt32BE(isDnssecOk ? 0x8000 : 0, offset + 5);
  message.writeUInt16BE(0, offset + 9);
  return offset + OPT_BYTES;
}

interface Writer {
  readonly limit: number;
  /** Where a name was written already. */
  readonly names: Map<string, number>;
  offset: number;
}

/** A record that does not fit leaves no trace. */
function attempt(writer: Writer, write: () => void): boolean {
  const start = writer.offset;
  try {
    write();
    if (writer.offset <= writer.limit) return true;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  writer.offset = start;
  for (const [name, offset] of writer.names) if (offset >= start) writer.names.delete(name);
  return false;
}

function writeAll(writer: Writer, records: readonly (DnsRecord | SoaRecord)[], ttl: number): number {
  for (const [index, record] of records.entries())
    if (!attempt(writer, () => writeRecord(writer, record, ttl))) return index;
  return records.length;
}

function writeRecord(writer: Writer, record: DnsRecord | SoaRecord, ttl: number): void {
  writeName(writer, record.name);
  putNumber(writer, TYPES[record.type], 2);
  putNumber(writer, CLASS_IN, 2);
  putNumber(writer, ttl, 4);
  const lengthAt = writer.offset;
  putNumber(writer, 0, 2);
  writeData(writer, record, ttl);
  scratch.writeUInt16BE(writer.offset - lengthAt - 2, lengthAt);
}

function writeData(writer: Writer, record: DnsRecord | SoaRecord, ttl: number): void {
  switch (record.type) {
    case 'A':
    case 'AAAA':
      return writeAddress(writer, record.data);
    case 'CNAME':
    case 'NS':
    case 'PTR':
      return writeName(writer, record.data);
    case 'TXT': {
      const text = Buffer.from(record.data, 'latin1').subarray(0, 255);
      put(writer, Buffer.from([text.length]));
      return put(writer, text);
    }
    case 'SRV':
      // Priority 0 and a weight that no client needs; RFC 2782 forbids compression.
      putNumber(writer, 0, 2);
      putNumber(writer, SRV_WEIGHT, 2);
      putNumber(writer, record.port, 2);
      return put(writer, plainName(record.target));
    case 'SOA':
      writeName(writer, `ns.dns.${record.name}`);
      writeName(writer, `hostmaster.${record.name}`);
      for (const value of [record.serial, ...SOA_TIMES, ttl]) putNumber(writer, value >>> 0, 4);
      return;
  }
}

/** All targets are alike. */
const SRV_WEIGHT = 100;

/** Refresh, retry and expiry: only a secondary server would use them. CoreDNS has the same. */
const SOA_TIMES = [7_200, 1_800, 86_400];

function writeAddress(writer: Writer, text: string): void {
  const address = parseAddress(text);
  if (!address) throw new Error(`Cannot write the address "${text}": it is none`);
  const bytes = address.family === 'IPv4' ? 4 : 16;
  put(writer, Buffer.from(address.bits.toString(16).padStart(bytes * 2, '0'), 'hex'));
}

function putNumber(writer: Writer, value: number, bytes: 2 | 4): void {
  if (bytes === 2) scratch.writeUInt16BE(value, writer.offset);
  else scratch.writeUInt32BE(value, writer.offset);
  writer.offset += bytes;
}

function put(writer: Writer, bytes: Buffer): void {
  if (writer.offset + bytes.length > MAX_MESSAGE_BYTES) throw new RangeError('The message is full');
  bytes.copy(scratch, writer.offset);
  writer.offset += bytes.length;
}

/** Pointers have 14 bits. */
const MAX_POINTER = 0x3fff;

function rememberName(names: Map<string, number>, name: string, start: number): void {
  let [rest, offset] = [name, start];
  while (rest !== '' && offset <= MAX_POINTER) {
    if (!names.has(rest)) names.set(rest, offset);
    const dot = rest.indexOf('.');
    if (dot < 0) return;
    // A label with escapes is longer here than on the wire: what follows is not remembered.
    if (rest.slice(0, dot).includes('\\')) return;
    rest = rest.slice(dot + 1);
    offset += dot + 1;
  }
}

function writeName(writer: Writer, name: string): void {
  let rest = name;
  const start = writer.offset;
  const added: [string, number][] = [];
  while (rest !== '') {
    const known = writer.names.get(rest);
    if (known !== undefined) {
      putNumber(writer, 0xc000 | known, 2);
      break;
    }
    if (writer.offset <= MAX_POINTER) added.push([rest, writer.offset]);
    const dot = rest.indexOf('.');
    const label = dot < 0 ? rest : rest.slice(0, dot);
    put(writer, labelBytes(label));
    rest = dot < 0 ? '' : rest.slice(dot + 1);
  }
  if (rest === '') put(writer, Buffer.from([0]));
  if (writer.offset > start) for (const [suffix, offset] of added) writer.names.set(suffix, offset);
}

export function plainName(name: string): Buffer {
  const labels = name === '' ? [] : name.split('.');
  return Buffer.concat([...labels.map(labelBytes), Buffer.from([0])]);
}

const MAX_LABEL_BYTES = 63;

function labelBytes(label: string): Buffer {
  const text = label.includes('\\') ? label.replaceAll('\\046', '.').replaceAll('\\092', '\\') : label;
  const bytes = Buffer.from(text, 'latin1').subarray(0, MAX_LABEL_BYTES);
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}
