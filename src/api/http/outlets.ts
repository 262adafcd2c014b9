/** Connections for handlers that answer by themselves, with more than one answer. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { createAbort } from '../../base/abort.ts';

/** Why a session ends when the server stops. */
export const STOPPING = 'the server is stopping';

interface Standing {
  readonly request: IncomingMessage;
  /**
   * The answer goes on for as long as its client wants. `end` is called when the server stops,
   * when the client may no longer, and when the client has left already.
   */
  stands(end: (why: string) => void): void;
}

export interface Outlet extends Standing {
  readonly response: ServerResponse;
}

/** A socket that asked for another protocol. */
export interface UpgradeOutlet extends Standing {
  readonly socket: Duplex;
  readonly head: Buffer;
  /** Records the code of an answer that did not switch the protocol. */
  answered(code: number): void;
}

/** Aborts when the client has gone, also when it has gone already. */
export function goneSignal(connection: ServerResponse | Duplex): AbortSignal {
  const abort = createAbort();
  if (connection.destroyed) abort.abort();
  else connection.once('close', () => abort.abort());
  return abort.signal;
}
