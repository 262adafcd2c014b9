/**
 * The answer of another server, ready to be given to any client that asks the same. Pure. Its
 * bytes are kept as they came; lifetimes count down, and what does not fit is left out.
 */
import { CODES, FLAGS, HEADER_BYTES, OPT_BYTES, TYPES } from '../wire/constants.ts';
import { MalformedMessage, type Query, readAnswerSections, type WireRecord } from '../wire/read-message.ts';
import { mostBytes, type Transport, writeHeader, writeOpt } from '../wire/write-message.ts';

export interface ForwardedAnswer {
  /** Without an OPT record: EDNS is between neighbours. */
  readonly bytes: Buffer;
  readonly flags: number;
  readonly bodyStart: number;
  readonly answers: readonly WireRecord[];
  readonly authorities: readonly WireRecord[];
  readonly additionals: readonly WireRecord[];
  /** How long it may be given to others. */
  readonly keepSeconds: number;
}

/** As `cache 30` of CoreDNS in a cluster of kubeadm. */
export const MOST_CACHED_SECONDS = 30;
/** Failures hold this long (RFC 2308 §7.1 allows five minutes). */
const FAILED_SECONDS = 5;

/** Throws {@link MalformedMessage}. */
export function readForwardedAnswer(message: Buffer): ForwardedAnswer {
  const { bodyStart, answers, authorities, additionals: all } = readAnswerSections(message);
  const opt = all.findIndex(({ type }) => type === TYPES.OPT);
  // Records behind the OPT record go with it: their names may point to places that moved.
  const additionals = opt < 0 ? all : all.slice(0, opt);
  const bytes = Buffer.from(opt < 0 ? message : message.subarray(0, all[opt]!.start));
  const flags = message.readUInt16BE(2);
  if ((flags & FLAGS.response) === 0) throw new MalformedMessage('it is no answer');
  // The rest of an extended code is in the OPT record. None of them is for this client.
  const hasExtendedCode = opt >= 0 && all[opt]!.ttl >>> 24 !== 0;
  const sections = { answers, authorities, additionals };
  const code = hasExtendedCode ? CODES.SERVFAIL : flags & FLAGS.code;
  return {
    bytes,
    flags: (flags & ~FLAGS.code) | code,
    bodyStart,
    ...sections,
    keepSeconds: keepSecondsOf(message, code, sections, (flags & FLAGS.truncated) !== 0),
  };
}

function keepSecondsOf(
  message: Buffer,
  code: number,
  { answers, authorities }: Pick<ForwardedAnswer, 'answers' | 'authorities'>,
  isTruncated: boolean,
): number {
  if (isTruncated) return 0;
  if (code === CODES.SERVFAIL) return FAILED_SECONDS;
  if (code !== CODES.NOERROR && code !== CODES.NXDOMAIN) return 0;
  const soa = authorities.find(({ type }) => type === TYPES.SOA);
  if (code === CODES.NOERROR && answers.length > 0 && !soa)
    return Math.min(MOST_CACHED_SECONDS, ...answers.map(({ ttl }) => lifetime(ttl)));
  // Without one nobody says how long the absence holds.
  if (!soa || soa.end - soa.dataStart < 20) return 0;
  const minimum = lifetime(message.readUInt32BE(soa.end - 4));
  return Math.min(MOST_CACHED_SECONDS, minimum, ...[...answers, soa].map(({ ttl }) => lifetime(ttl)));
}

/** A lifetime with its highest bit set counts as none (RFC 2181 §8). */
const lifetime = (ttl: number): number => (ttl > 0x7fff_ffff ? 0 : ttl);

/** For this client, `ageSeconds` after it came. */
export function renderForwarded(
  answer: ForwardedAnswer,
  query: Query,
  transport: Transport,
  ageSeconds: number,
): Buffer {
  const { edns } = query;
  const limit = mostBytes(query, transport) - (edns ? OPT_BYTES : 0);
  const counts = [0, 0, 0];
  let [end, isCut] = [answer.bodyStart, false];
  for (const [index, section] of [answer.answers, answer.authorities, answer.additionals].entries())
    for (const record of section) {
      if (isCut || record.end > limit) {
        isCut = true;
        continue;
      }
      counts[index]! += 1;
      end = record.end;
    }
  const hasAllAnswers = counts[0] === answer.answers.length;
  const message = Buffer.alloc(end + (edns ? OPT_BYTES : 0));
  answer.bytes.copy(message, 0, 0, end);
  query.question.copy(message, HEADER_BYTES);
  for (const { ttlOffset, ttl } of [...answer.answers, ...answer.authorities, ...answer.additionals])
    if (ttlOffset < end)
      message.writeUInt32BE(
        Math.max(0, Math.min(lifetime(ttl), MOST_CACHED_SECONDS) - ageSeconds),
        ttlOffset,
      );
  const kept = FLAGS.code | FLAGS.truncated | (edns?.isDnssecOk === true ? FLAGS.authenticData : 0);
  const flags =
    FLAGS.response |
    FLAGS.recursionAvailable |
    (query.flags & (FLAGS.recursionDesired | FLAGS.checkingDisabled)) |
    (answer.flags & kept) |
    (hasAllAnswers ? 0 : FLAGS.truncated);
  const [answers = 0, authorities = 0, additionals = 0] = counts;
  writeHeader(message, {
    id: query.id,
    flags,
    counts: [1, answers, authorities, additionals + (edns ? 1 : 0)],
  });
  if (edns) writeOpt(message, end, edns.isDnssecOk);
  return message;
}
