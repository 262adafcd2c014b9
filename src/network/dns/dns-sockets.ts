/**
 * The sockets of a DNS server: UDP and TCP at one port of one address, for clients of this cluster
 * only. Everything that a client can hold has a bound.
 */
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import type { EventEmitter } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createFrameSplitter } from '../../base/frame-splitter.ts';
import type { AnswerQuery } from './answer-queries.ts';
import { framed, TCP_FRAMES } from './forward/ask-server.ts';

export interface DnsSocketsOptions {
  readonly address: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly answer: AnswerQuery;
  /** Whether this client may ask. */
  isClient(address: string): boolean;
  onQuery(): void;
  /** Told of what no input may cause. */
  onError(error: unknown): void;
}

export interface DnsSockets extends AsyncDisposable {
  readonly port: number;
}

/** Connections at one time; the pods of one host are fewer. */
const MOST_CONNECTIONS = 1_024;
const MOST_CONNECTIONS_OF_CLIENT = 64;
/** As CoreDNS. */
const IDLE_MS = 10_000;
/** Questions of a connection that are answered at one time; the next one waits. */
const MOST_PIPELINED = 32;
/** Answers that the kernel has not taken yet; beyond it clients ask again. */
const MOST_UNSENT_BYTES = 4 * 1_024 * 1_024;
/** Bursts of queries wait here while the process does something else. */
const RECEIVE_BUFFER_BYTES = 4 * 1_024 * 1_024;
/** A free UDP port may be taken for TCP. */
const MOST_PORT_TRIES = 20;

export async function openDnsSockets(options: DnsSocketsOptions): Promise<DnsSockets> {
  for (let turn = 1; ; turn += 1) {
    const udp = await openUdp(options);
    const { port } = udp.address();
    try {
      const tcp = await openTcp({ ...options, port });
      return {
        port,
        async [Symbol.asyncDispose]() {
          udp.close();
          await tcp.end();
        },
      };
    } catch (error) {
      udp.close();
      const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (!isTaken || options.port !== 0 || turn === MOST_PORT_TRIES) throw error;
    }
  }
}

async function openUdp({
  address,
  port,
  answer,
  isClient,
  onQuery,
  onError,
}: DnsSocketsOptions): Promise<UdpSocket> {
  const socket = createSocket({
    type: 'udp4',
    recvBufferSize: RECEIVE_BUFFER_BYTES,
    // Addresses are numbers here: nothing is looked up.
    lookup: (host, _, callback) => callback(null, host, 4),
  });
  const send = (message: Buffer | undefined, to: RemoteInfo): void => {
    if (!message || socket.getSendQueueSize() > MOST_UNSENT_BYTES) return;
    socket.send(message, to.port, to.address, () => undefined);
  };
  socket.on('message', (message, from) => {
    if (!isClient(from.address)) return;
    onQuery();
    try {
      const found = answer(message, 'udp', from.address);
      if (!(found instanceof Promise)) return send(found, from);
      void found.then((later) => send(later, from)).catch(onError);
    } catch (error) {
      onError(error);
    }
  });
  const listening = untilListening(socket);
  socket.bind(port, address);
  await listening;
  socket.on('error', onError);
  return socket;
}

function untilListening(socket: EventEmitter): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('listening', () => {
      socket.off('error', reject);
      resolve();
    });
  });
}

async function openTcp(options: DnsSocketsOptions): Promise<{ end(): Promise<void> }> {
  const open = new Set<Socket>();
  const openOf = new Map<string, number>();
  const server: Server = createServer((socket) => {
    const client = socket.remoteAddress ?? '';
    const count = openOf.get(client) ?? 0;
    if (!options.isClient(client) || count >= MOST_CONNECTIONS_OF_CLIENT) return void socket.destroy();
    open.add(socket);
    openOf.set(client, count + 1);
    socket.once('close', () => {
      open.delete(socket);
      const left = (openOf.get(client) ?? 1) - 1;
      if (left > 0) openOf.set(client, left);
      else openOf.delete(client);
    });
    serveConnection(socket, client, options);
  });
  server.maxConnections = MOST_CONNECTIONS;
  const listening = untilListening(server);
  server.listen(options.port, options.address);
  await listening;
  server.on('error', options.onError);
  return {
    async end() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

function serveConnection(
  socket: Socket,
  client: string,
  { answer, onQuery, onError }: DnsSocketsOptions,
): void {
  const split = createFrameSplitter(TCP_FRAMES);
  let pending = 0;
  const reply = (message: Buffer | undefined): void => {
    pending -= 1;
    // A message that gets no answer over UDP ends the connection here.
    if (!message) return void socket.destroy();
    if (socket.writable) socket.write(framed(message));
    if (pending < MOST_PIPELINED && !socket.writableNeedDrain) socket.resume();
  };
  const fail = (error: unknown): void => {
    onError(error);
    socket.destroy();
  };
  socket.setTimeout(IDLE_MS, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('drain', () => pending < MOST_PIPELINED && socket.resume());
  socket.on('data', (chunk) => {
    for (const frame of split(chunk)) {
      onQuery();
      pending += 1;
      try {
        const found = answer(frame.subarray(TCP_FRAMES.headerBytes), 'tcp', client);
        if (found instanceof Promise) void found.then(reply).catch(fail);
        else reply(found);
      } catch (error) {
        fail(error);
      }
    }
    if (pending >= MOST_PIPELINED || socket.writableNeedDrain) socket.pause();
  });
}
