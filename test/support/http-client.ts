/**
 * Requests to a server on this machine, over kept connections. Nothing is followed, retried or
 * decoded.
 */
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { buffer } from 'node:stream/consumers';

export interface HttpRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | undefined;
}

export interface HttpResponse {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  readonly warnings: readonly string[];
  readonly bytes: Buffer;
}

export interface HttpClient {
  send(asked: HttpRequest): Promise<HttpResponse>;
  close(): void;
}

export function createHttpClient(port: number): HttpClient {
  const agent = new Agent({ keepAlive: true });
  return {
    send({ method, url, headers, body }) {
      // Node refuses what a browser would encode.
      const path = url.replaceAll(/[^\x21-\x7e]+/gu, encodeURIComponent);
      const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
      return new Promise((resolve, reject) => {
        request(
          { host: '127.0.0.1', port, agent, method, path, headers: { ...headers, ...length } },
          (response) => {
            buffer(response).then((bytes) => {
              const { statusCode: code = 0, headers: answered, headersDistinct } = response;
              resolve({ code, headers: answered, warnings: headersDistinct['warning'] ?? [], bytes });
            }, reject);
          },
        )
          .on('error', reject)
          .end(body);
      });
    },
    close: () => agent.destroy(),
  };
}
