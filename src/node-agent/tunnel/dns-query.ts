/** One question for an IPv4 address over a stream, as DNS over TCP has it (RFC 1035, 4.2.2). */
import type { Duplex } from 'node:stream';

/** A question for the A record of `name`. */
export function encodeQuery(name: string): Buffer {
  const labels = name
    .split('.')
    .filter((label) => label !== '')
    .flatMap((label) => [Buffer.from([label.length]), Buffer.from(label, 'latin1')]);
  // A number of our own, "recursion desired", one question.
  const head = Buffer.from([0x53, 0x59, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0]);
  const message = Buffer.concat([head, ...labels, Buffer.from([0, 0, 1, 0, 1])]);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}

export interface DnsAnswer {
  /** 0 is success, 3 is an unknown name. */
  readonly code: number;
  readonly answers: number;
}

/** Undefined until enough has come. */
export function decodeAnswer(bytes: Buffer): DnsAnswer | undefined {
  if (bytes.length < 2 + 12) return undefined;
  return { code: bytes.readUInt8(5) & 0x0f, answers: bytes.readUInt16BE(8) };
}

/** Rejects when the server ends the stream before it has answered. */
export async function askDns(stream: Duplex, name: string): Promise<DnsAnswer> {
  stream.write(encodeQuery(name));
  let seen = Buffer.alloc(0);
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    seen = Buffer.concat([seen, chunk]);
    const answer = decodeAnswer(seen);
    if (answer) return answer;
  }
  throw new Error('the server closed the connection');
}
