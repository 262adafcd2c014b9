/** The network access of probes and hooks: real sockets, or answers that a simulation makes up. */

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
  readonly location?: string;
}

export interface HttpRequest {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/** All methods reject with the reason in words, also after `timeoutMs`. */
export interface ProbeIo {
  http(request: HttpRequest): Promise<HttpAnswer>;
  tcp(host: string, port: number, timeoutMs: number): Promise<void>;
  /** The serving status of gRPC health checking: 1 is SERVING. */
  grpcHealth(host: string, port: number, service: string, timeoutMs: number): Promise<number>;
}
