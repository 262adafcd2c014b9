/** `pods/log`: the agent's bytes as one answer, or as messages of a WebSocket. */
import { constants } from 'node:http2';
import type { ResourceCore } from '../../resources/resource-core.ts';
import type { ByteChannel } from '../streams/byte-channel.ts';
import { createClientSocket } from '../streams/client-socket.ts';
import { offeredProtocols } from '../streams/plan-upgrade.ts';
import { acceptWebSocket } from '../streams/web-sockets.ts';
import type { Tunnels } from '../tunnel.ts';
import type { StoredRequest } from './api-request.ts';
import { refOf } from './object-requests.ts';
import { goneSignal, type Outlet, STOPPING, type UpgradeOutlet } from './outlets.ts';
import { type LogStream, openLogs } from './pod-logs.ts';

const GOING_AWAY = 1001;
const POLICY_VIOLATION = 1008;
const INTERNAL_ERROR = 1011;
const NORMAL_CLOSURE = 1000;

/** Log lines as they are, or in base64 for clients that take only text. */
const LOG_PROTOCOLS: Readonly<Record<string, { readonly text: boolean }>> = {
  'binary.k8s.io': { text: false },
  'base64.binary.k8s.io': { text: true },
};

const logsOf = (
  core: ResourceCore,
  tunnels: Tunnels,
  request: StoredRequest,
  signal: AbortSignal,
): Promise<LogStream | undefined> =>
  openLogs({
    pod: async () => core.get(refOf(request)),
    podName: request.target.name ?? '',
    query: request.query,
    tunnels,
    signal,
  });

/** Throws before the first byte, or streams until the log ends or the client goes away. */
export async function readLogs(
  core: ResourceCore,
  tunnels: Tunnels,
  request: StoredRequest,
  { response, stands }: Outlet,
): Promise<undefined> {
  const lines = await logsOf(core, tunnels, request, goneSignal(response));
  // An empty answer, as upstream gives.
  if (!lines) return void response.writeHead(204).end();
  response.writeHead(200, { 'content-type': 'text/plain', 'cache-control': 'no-cache, private' });
  if (request.method === 'HEAD') {
    lines.close();
    return void response.end();
  }
  response.flushHeaders();
  // A stream that was reset looks as if it had ended; an answer that breaks off must not.
  lines.on('close', () =>
    lines.rstCode === constants.NGHTTP2_NO_ERROR ? response.end() : response.destroy(),
  );
  lines.pipe(response, { end: false });
  stands(() => response.destroy());
}

export async function logsOverWebSocket(
  core: ResourceCore,
  tunnels: Tunnels,
  request: StoredRequest,
  outlet: UpgradeOutlet,
): Promise<void> {
  const offered = offeredProtocols(request.headers);
  const protocol = offered.find((candidate) => Object.hasOwn(LOG_PROTOCOLS, candidate)) ?? '';
  const text = LOG_PROTOCOLS[protocol]?.text ?? false;
  const lines = await logsOf(core, tunnels, request, goneSignal(outlet.socket));
  const client = createClientSocket(await acceptWebSocket(outlet, protocol), { clock: core.clock, text });
  outlet.stands((why) => client.close(why === STOPPING ? GOING_AWAY : POLICY_VIOLATION, why));
  void sendLines(client, lines, text);
}

/** Never rejects. A client that leaves aborts the lines. */
async function sendLines(client: ByteChannel, lines: LogStream | undefined, text: boolean): Promise<void> {
  try {
    for await (const chunk of (lines ?? []) as AsyncIterable<Buffer>) {
      if (chunk.length > 0) await client.send(text ? Buffer.from(chunk.toString('base64')) : chunk);
    }
    client.close(NORMAL_CLOSURE, '');
  } catch {
    client.close(INTERNAL_ERROR, 'the connection to the node was lost');
  }
}
