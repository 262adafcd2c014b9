/** {@link ProbeIo} over real sockets. Certificates are not checked, as kubelet has it; one request, one answer. */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import { checkGrpcHealth } from './grpc-health.ts';
import type { HttpAnswer, HttpRequest, ProbeIo } from './probe-io.ts';

/** kubelet reads at most this much of an answer. */
const MAX_BODY_BYTES = 10 * 1024;

export function createSocketProbeIo(clock: Clock): ProbeIo {
  return {
    http: (request) => httpGet(clock, request),
    tcp: (host, port, timeoutMs) =>
      new Promise((resolve, reject) => {
        const socket = connect({ host, port });
        const timer = clock.setTimer(
          () => socket.destroy(new Error(`dial tcp ${host}:${port}: i/o timeout`)),
          timeoutMs,
        );
        socket.once('connect', () => {
          timer.cancel();
          socket.destroy();
          resolve();
        });
        socket.once('error', (error: NodeJS.ErrnoException) => {
          timer.cancel();
          reject(dialError(error, host, port));
        });
      }),
    grpcHealth: (host, port, service, timeoutMs) => checkGrpcHealth(clock, host, port, service, timeoutMs),
  };
}

function dialError(error: NodeJS.ErrnoException, host: string, port: number): Error {
  if (error.code === 'ECONNREFUSED')
    return new Error(`dial tcp ${host}:${port}: connect: connection refused`);
  if (error.code === 'EHOSTUNREACH') return new Error(`dial tcp ${host}:${port}: connect: no route to host`);
  return error;
}

function httpGet(clock: Clock, input: HttpRequest): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const url = `${input.scheme}://${input.host.includes(':') ? `[${input.host}]` : input.host}:${input.port}${input.path}`;
    const options = {
      host: input.host,
      port: input.port,
      path: input.path,
      headers: { 'user-agent': 'kube-probe/symphony', accept: '*/*', connection: 'close', ...input.headers },
      agent: false as const,
    };
    const request =
      input.scheme === 'https'
        ? httpsRequest({ ...options, rejectUnauthorized: false })
        : httpRequest(options);
    const timer = clock.setTimer(
      () =>
        request.destroy(
          new Error('context deadline exceeded (Client.Timeout exceeded while awaiting headers)'),
        ),
      input.timeoutMs,
    );
    request.on('error', (error: NodeJS.ErrnoException) => {
      timer.cancel();
      reject(
        new Error(`Get "${url}": ${dialError(error, input.host, input.port).message}`, { cause: error }),
      );
    });
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      const done = (): void => {
        timer.cancel();
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
      response.on('error', (error) => {
        timer.cancel();
        reject(error);
      });
    });
    request.end();
  });
}
