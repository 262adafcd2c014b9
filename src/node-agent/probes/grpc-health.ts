/**
 * grpc.health.v1.Health/Check by hand: HTTP/2 without TLS, two small protobuf messages. Request:
 * `string service = 1`. Response: `ServingStatus status = 1` (a varint). Each is framed by a byte
 * (0, not compressed) and a four-byte length. See the gRPC health checking protocol and "gRPC over
 * HTTP2".
 */
import { connect, constants } from 'node:http2';
import type { Clock } from '../../base/clock.ts';
import { errorMessage } from '../../base/errors.ts';
import { goDuration, goWords, hostPort } from '../../base/go-words.ts';
import { connectFailure, failureOf, type Headers, rpcFailure } from './grpc-failure.ts';

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

/** Rejects in kubelet's words. */
export function checkGrpcHealth(
  clock: Clock,
  host: string,
  port: number,
  service: string,
  timeoutMs: number,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const address = hostPort(host, port);
    const timeout = goDuration(timeoutMs);
    const session = connect(`http://${address}`);
    const chunks: Buffer[] = [];
    let size = 0;
    let isReady = false;
    let headers: Headers = {};
    const finish = (act: () => void): void => {
      timer.cancel();
      session.destroy();
      act();
    };
    const fail = (message: string): void => finish(() => reject(new Error(message)));
    /** To kubelet there is no connection until the other end speaks HTTP/2. */
    const failBy = (error: Error): void => {
      const why = goWords(error, address);
      fail(isReady ? rpcFailure('Unavailable', why, timeout) : connectFailure(address, timeout, why));
    };
    const timer = clock.setTimer(
      () => fail(isReady ? rpcFailure('DeadlineExceeded', '', timeout) : connectFailure(address, timeout)),
      timeoutMs,
    );
    session.once('remoteSettings', () => {
      isReady = true;
    });
    session.on('error', failBy);
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: METHOD,
      [constants.HTTP2_HEADER_TE]: 'trailers',
      [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
    });
    const note = (more: Headers): void => {
      headers = { ...headers, ...more };
    };
    stream.on('response', note);
    stream.on('trailers', note);
    stream.on('error', failBy);
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_RESPONSE_BYTES) fail(rpcFailure('ResourceExhausted', 'the answer is too long', timeout));
      else chunks.push(chunk);
    });
    stream.on('end', () => {
      const failure = failureOf(headers, timeout);
      if (failure !== undefined) return fail(failure);
      try {
        const status = decodeHealthResponse(Buffer.concat(chunks));
        finish(() => resolve(status));
      } catch (error) {
        fail(rpcFailure('Internal', errorMessage(error), timeout));
      }
    });
    stream.end(encodeHealthRequest(service));
  });
}
