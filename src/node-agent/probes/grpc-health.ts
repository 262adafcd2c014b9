/**
 * grpc.health.v1.Health/Check by hand: HTTP/2 without TLS, two tiny protobuf messages.
 * Request: `string service = 1`. Response: `ServingStatus status = 1` (a varint). Each is framed by a byte (0, not
 * compressed) and a four-byte length. See the gRPC health checking protocol and "gRPC over HTTP2".
 */
import { connect, constants } from 'node:http2';
import type { Clock } from '../../base/clock.ts';

const METHOD = '/grpc.health.v1.Health/Check';
const FRAME_HEADER_BYTES = 5;
/** A response is two bytes; more than this is not one. */
const MAX_RESPONSE_BYTES = 64 * 1024;

export function encodeHealthRequest(service: string): Buffer {
  const name = Buffer.from(service);
  const message =
    name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a]), varint(name.length), name]);
  const frame = Buffer.alloc(FRAME_HEADER_BYTES);
  frame.writeUInt32BE(message.length, 1);
  return Buffer.concat([frame, message]);
}

/** The status of a framed response; 0 (UNKNOWN) when the field is absent, as protobuf has it. */
export function decodeHealthResponse(data: Buffer): number {
  if (data.length < FRAME_HEADER_BYTES) throw new Error('the answer is not a gRPC message');
  if (data[0] !== 0) throw new Error('the answer is compressed');
  const message = data.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + data.readUInt32BE(1));
  let at = 0;
  const read = (): number => {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = message[at];
      if (byte === undefined) throw new Error('the answer is cut off');
      at += 1;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new Error('the answer is not protobuf');
  };
  let status = 0;
  while (at < message.length) {
    const tag = read();
    const type = tag & 7;
    if (type === 0) {
      const value = read();
      if (tag >> 3 === 1) status = value;
    } else if (type === 2) at += read();
    else throw new Error('the answer is not protobuf');
  }
  return status;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80);
    rest = Math.floor(rest / 128);
  }
  return Buffer.from([...bytes, rest]);
}

export function checkGrpcHealth(
  clock: Clock,
  host: string,
  port: number,
  service: string,
  timeoutMs: number,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const authority = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    const session = connect(`http://${authority}`);
    const chunks: Buffer[] = [];
    let size = 0;
    const finish = (act: () => void): void => {
      timer.cancel();
      session.destroy();
      act();
    };
    const fail = (message: string): void => finish(() => reject(new Error(message)));
    const timer = clock.setTimer(
      () => fail(`timeout: failed to connect service "${authority}" within ${timeoutMs / 1_000}s`),
      timeoutMs,
    );
    session.on('error', (error: Error) => fail(error.message));
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: METHOD,
      [constants.HTTP2_HEADER_TE]: 'trailers',
      [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
    });
    let grpcStatus: string | undefined;
    const note = (headers: Readonly<Record<string, unknown>>): void => {
      const value = headers['grpc-status'];
      if (typeof value === 'string' || typeof value === 'number') grpcStatus = String(value);
    };
    stream.on('response', note);
    stream.on('trailers', note);
    stream.on('error', (error: Error) => fail(error.message));
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_RESPONSE_BYTES) fail('the answer is too long');
      else chunks.push(chunk);
    });
    stream.on('end', () => {
      if (grpcStatus !== undefined && grpcStatus !== '0') return fail(`rpc error: code = ${grpcStatus}`);
      try {
        const status = decodeHealthResponse(Buffer.concat(chunks));
        finish(() => resolve(status));
      } catch (error) {
        fail(error instanceof Error ? error.message : 'the answer cannot be read');
      }
    });
    stream.end(encodeHealthRequest(service));
  });
}
