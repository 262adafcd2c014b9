/** {@link ProbeIo} over real sockets, in Go's words. As in kubelet, certificates go unchecked. */
import { type ClientRequest, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import type { Clock, Timer } from '../../base/clock.ts';
import { goWords, hostPort } from '../../base/go-words.ts';
import { checkGrpcHealth } from './grpc-health.ts';
import type { HttpAnswer, HttpRequest, ProbeIo } from './probe-io.ts';

/** kubelet reads at most this much of an answer. */
const MAX_BODY_BYTES = 10 * 1024;
/** Go's words, as its HTTP client has them. */
const NO_HEADERS = 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)';
const NO_BODY = 'context deadline exceeded (Client.Timeout or context cancellation while reading body)';

export function createSocketProbeIo(clock: Clock): ProbeIo {
  return {
    http: (request) => httpGet(clock, request),
    tcp: (host, port, timeoutMs) =>
      new Promise((resolve, reject) => {
        const address = hostPort(host, port);
        const socket = connect({ host, port });
        const timer = clock.setTimer(
          () => socket.destroy(new Error(`dial tcp ${address}: i/o timeout`)),
          timeoutMs,
        );
        socket.once('connect', () => {
          timer.cancel();
          socket.destroy();
          resolve();
        });
        socket.once('error', (error) => {
          timer.cancel();
          reject(new Error(goWords(error, address), { cause: error }));
        });
      }),
    grpcHealth: (host, port, service, timeoutMs) => checkGrpcHealth(clock, host, port, service, timeoutMs),
  };
}

function httpGet(clock: Clock, input: HttpRequest): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const address = hostPort(input.host, input.port);
    const url = `${input.scheme}://${address}${input.path}`;
    const held: { timer?: Timer } = {};
    const fail = (error: unknown): void => {
      held.timer?.cancel();
      reject(new Error(`Get ${JSON.stringify(url)}: ${goWords(error, address)}`, { cause: error }));
    };
    const options = {
      host: input.host,
      port: input.port,
      path: input.path,
      headers: { 'user-agent': 'kube-probe/symphony', accept: '*/*', connection: 'close', ...input.headers },
      agent: false as const,
    };
    let request: ClientRequest;
    try {
      request =
        input.scheme === 'https'
          ? httpsRequest({ ...options, rejectUnauthorized: false })
          : httpRequest(options);
    } catch (error) {
      // A path or a header that cannot be sent.
      return fail(error);
    }
    let late = NO_HEADERS;
    held.timer = clock.setTimer(() => request.destroy(new Error(late)), input.timeoutMs);
    request.on('error', fail);
    request.on('response', (response) => {
      late = NO_BODY;
      const chunks: Buffer[] = [];
      let size = 0;
      const done = (): void => {
        held.timer?.cancel();
        resolve({
          status: response.statusCode ?? 0,
          body: Buffer.concat(chunks).subarray(0, MAX_BODY_BYTES).toString('utf8'),
          ...(response.headers.location === undefined ? {} : { location: response.headers.location }),
        });
      };
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        chunks.push(chunk);
        if (size < MAX_BODY_BYTES) return;
        done();
        response.destroy();
      });
      response.on('end', done);
      response.on('error', fail);
    });
    request.end();
  });
}
