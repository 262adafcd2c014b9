/**
 * One question to one server: by UDP from a port of its own, which a forger would have to guess,
 * and by TCP where the answer is too long for that (RFC 7766).
 */
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import type { Clock } from '../../../base/clock.ts';
import { createFrameSplitter } from '../../../base/frame-splitter.ts';
import type { Rng } from '../../../base/rng.ts';
import { CLASS_IN, CODES, FLAGS, HEADER_BYTES, OPT_BYTES } from '../wire/constants.ts';
import { readName } from '../wire/read-message.ts';
import { plainName, writeHeader, writeOpt } from '../wire/write-message.ts';
import { type ForwardedAnswer, readForwardedAnswer } from './forwarded-answer.ts';

export interface ForwardQuestion {
  readonly name: string;
  /** Name, type and class, as they go over the wire. */
  readonly question: Buffer;
  readonly isDnssecOk: boolean;
  readonly isCheckingDisabled: boolean;
}

export interface UpstreamServer {
  readonly address: string;
  readonly port: number;
}

export interface AskOptions {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly timeoutMs: number;
}

type Exchange = (server: UpstreamServer, asked: Asked, options: AskOptions) => Promise<ForwardedAnswer>;

interface Asked {
  readonly id: number;
  readonly message: Buffer;
  readonly question: ForwardQuestion;
}

/** Rejects when no answer comes in time. */
export async function askServer(
  server: UpstreamServer,
  question: ForwardQuestion,
  options: AskOptions,
): Promise<ForwardedAnswer> {
  const answer = await exchange(byUdp, server, question, true, options);
  const code = answer.flags & FLAGS.code;
  // An old server knows no EDNS.
  const isOld = (code === CODES.FORMERR || code === CODES.NOTIMP) && answer.answers.length === 0;
  const found = isOld ? await exchange(byUdp, server, question, false, options) : answer;
  if ((found.flags & FLAGS.truncated) === 0) return found;
  // A part of the answer is better than none.
  return exchange(byTcp, server, question, !isOld, options).catch(() => found);
}

function exchange(
  by: Exchange,
  server: UpstreamServer,
  question: ForwardQuestion,
  hasEdns: boolean,
  options: AskOptions,
): Promise<ForwardedAnswer> {
  const id = Math.floor(options.rng.next() * 0x1_0000);
  const end = HEADER_BYTES + question.question.length;
  const message = Buffer.alloc(end + (hasEdns ? OPT_BYTES : 0));
  const flags = FLAGS.recursionDesired | (question.isCheckingDisabled ? FLAGS.checkingDisabled : 0);
  writeHeader(message, { id, flags, counts: [1, 0, 0, hasEdns ? 1 : 0] });
  question.question.copy(message, HEADER_BYTES);
  if (hasEdns) writeOpt(message, end, question.isDnssecOk);
  return by(server, { id, message, question }, options);
}

/** A forged or late answer is passed over; the right one may still come. */
function readAnswerTo({ id, question }: Asked, message: Buffer): ForwardedAnswer | undefined {
  try {
    if (message.length < HEADER_BYTES || message.readUInt16BE(0) !== id) return undefined;
    const { name, end } = readName(message, HEADER_BYTES, { mayPoint: false });
    const typeAndClass = message.subarray(end, end + 4);
    if (name !== question.name || !typeAndClass.equals(question.question.subarray(-4))) return undefined;
    return readForwardedAnswer(message);
  } catch {
    return undefined;
  }
}

const byUdp: Exchange = (server, asked, { clock, timeoutMs }) =>
  new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(server.address.split('%')[0] ?? '') ? 'udp6' : 'udp4');
    const timer = clock.setTimer(() => finish(() => reject(tooLate(server, timeoutMs))), timeoutMs);
    let isOver = false;
    function finish(settle: () => void): void {
      if (isOver) return;
      isOver = true;
      timer.cancel();
      socket.close();
      settle();
    }
    socket.on('message', (message) => {
      const answer = readAnswerTo(asked, message);
      if (answer) finish(() => resolve(answer));
    });
    socket.on('error', (error) => finish(() => reject(error)));
    // Connected: the kernel passes on only what comes from the server, and that nobody listens there.
    socket.connect(server.port, server.address, () => {
      if (!isOver) socket.send(asked.message, (error) => error && finish(() => reject(error)));
    });
  });

const byTcp: Exchange = (server, asked, { clock, timeoutMs }) =>
  new Promise((resolve, reject) => {
    const socket = connect(server.port, server.address);
    const timer = clock.setTimer(() => finish(() => reject(tooLate(server, timeoutMs))), timeoutMs);
    function finish(settle: () => void): void {
      timer.cancel();
      socket.destroy();
      settle();
    }
    const split = createFrameSplitter(TCP_FRAMES);
    socket.on('data', (chunk) => {
      for (const frame of split(chunk)) {
        const answer = readAnswerTo(asked, frame.subarray(TCP_FRAMES.headerBytes));
        if (answer) finish(() => resolve(answer));
      }
    });
    socket.on('error', (error) => finish(() => reject(error)));
    socket.on('close', () => finish(() => reject(new Error(`${server.address} closed the connection`))));
    socket.write(framed(asked.message));
  });

/** A question of class IN, as it goes over the wire. */
export function questionOf(name: string, type: number): Buffer {
  const tail = Buffer.alloc(4);
  tail.writeUInt16BE(type, 0);
  tail.writeUInt16BE(CLASS_IN, 2);
  return Buffer.concat([plainName(name), tail]);
}

/** RFC 1035 §4.2.2: two bytes of length before each message. */
export const TCP_FRAMES = {
  headerBytes: 2,
  payloadBytes: (buffer: Buffer, offset: number): number => buffer.readUInt16BE(offset),
} as const;

export function framed(message: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(message.length + 2);
  frame.writeUInt16BE(message.length, 0);
  message.copy(frame, 2);
  return frame;
}

const tooLate = ({ address }: UpstreamServer, timeoutMs: number): Error =>
  new Error(`${address} did not answer within ${timeoutMs} ms`);
