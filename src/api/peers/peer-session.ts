/** A connection to another API server: HTTPS, upgraded to HTTP/2 with this end as the client. */
import { type ClientHttp2Session, connect } from 'node:http2';
import { request } from 'node:https';
import type { Duplex } from 'node:stream';
import { toPlainStream } from '../../base/plain-stream.ts';
import { SERVER_NAME } from '../tls/server-tls.ts';
import { type Peer, PEER_PATH, PEER_PROTOCOL, type PeerOptions } from './types.ts';

/** A server that does not answer by then is taken for gone. */
const CONNECT_TIMEOUT_MS = 3_000;

export async function openPeerSession(peer: Peer, options: PeerOptions): Promise<ClientHttp2Session> {
  const { certPem, keyPem } = await options.credentials();
  const socket = await new Promise<Duplex>((resolve, reject) => {
    const attempt = request({
      host: peer.host,
      port: peer.port,
      path: PEER_PATH,
      // Its certificate carries the name that all servers of the cluster have, at any address.
      servername: SERVER_NAME,
      ca: options.caPem,
      cert: certPem,
      key: keyPem,
      agent: false,
      timeout: CONNECT_TIMEOUT_MS,
      headers: { connection: 'Upgrade', upgrade: PEER_PROTOCOL },
    });
    attempt.on('timeout', () => attempt.destroy(new Error('no answer in time')));
    attempt.on('error', reject);
    attempt.on('response', (response) => {
      response.resume();
      reject(new Error(`the server answered ${response.statusCode ?? 0}`));
    });
    attempt.on('upgrade', (_response, upgraded, head) => {
      if (head.length > 0) upgraded.unshift(head);
      upgraded.setTimeout(0);
      resolve(upgraded);
    });
    attempt.end();
  });
  const session = connect('http://peer', { createConnection: () => toPlainStream(socket) });
  session.on('error', () => undefined);
  socket.on('error', () => session.destroy());
  socket.on('close', () => session.destroy());
  session.on('close', () => socket.destroy());
  return session;
}
