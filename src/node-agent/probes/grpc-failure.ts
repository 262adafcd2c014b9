/** A failed gRPC health check in kubelet's words. Pure. */
import { STATUS_CODES } from 'node:http';

/** Names of the statuses, by number (google.rpc.Code as gRPC spells it). */
const CODES = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
];
/** gRPC's code for an answer that has an HTTP status only ("HTTP to gRPC Status Code Mapping"). */
const CODES_BY_HTTP: Readonly<Record<number, string>> = {
  400: 'Internal',
  401: 'Unauthenticated',
  403: 'PermissionDenied',
  404: 'Unimplemented',
  429: 'Unavailable',
  502: 'Unavailable',
  503: 'Unavailable',
  504: 'Unavailable',
};

export function rpcFailure(code: string, message: string, timeout: string): string {
  if (code === 'Unimplemented') {
    return `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${message}`;
  }
  if (code === 'DeadlineExceeded') return `timeout: health rpc did not complete within ${timeout}`;
  return `error: health rpc probe failed: rpc error: code = ${code} desc = ${message}`;
}

export type Headers = Readonly<Record<string, unknown>>;

/** Undefined when the call itself went well. */
export function failureOf(headers: Headers, timeout: string): string | undefined {
  const status = headers['grpc-status'];
  if (status === undefined) {
    const http = Number(headers[':status'] ?? 200);
    const text = `unexpected HTTP status code received from server: ${http} (${STATUS_CODES[http] ?? ''})`;
    return http === 200 ? undefined : rpcFailure(CODES_BY_HTTP[http] ?? 'Unknown', text, timeout);
  }
  const code = Number(status);
  if (code === 0) return undefined;
  return rpcFailure(CODES[code] ?? `Code(${code})`, grpcMessage(headers['grpc-message']), timeout);
}

/** Percent-encoded on the way. */
function grpcMessage(text: unknown): string {
  if (typeof text !== 'string') return '';
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** No connection came about; kubelet waits for one until the end of the time-out. */
export function connectFailure(address: string, timeout: string, why?: string): string {
  const cause = why === undefined ? '' : ` (${why})`;
  return `timeout: failed to connect service "${address}" within ${timeout}: context deadline exceeded${cause}`;
}
