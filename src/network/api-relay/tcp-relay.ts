/**
 * Carries TCP connections to one address elsewhere, as they are: TLS ends there. Everything is
 * bounded: connections, those of one client, and how long one that takes nothing is kept.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export interface TcpRelayOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly target: { readonly host: string; readonly port: number };
  readonly limits?: Partial<RelayLimits>;
}

interface RelayLimits {
  readonly connections: number;
  readonly connectionsPerClient: number;
  readonly connectMs: number;
  readonly stallMs: number;
}

export interface TcpRelay extends AsyncDisposable {
  readonly port: number;
}

const LIMITS: RelayLimits = {
  // The API server takes 10,000 from one address, which is this host.
  connections: 2_048,
  // A client has some watches. One that leaks connections leaves room for others.
  connectionsPerClient: 256,
  connectMs: 5_000,
  // A client that takes none of what waits for it. One that waits itself is kept.
  stallMs: 60_000,
};
/** Peers that are gone without a word are noticed by the kernel's probes. */
const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelay: 30_000, noDelay: true } as const;

/** Rejects as `listen` does: `EADDRINUSE`, `EADDRNOTAVAIL`. */
export async function startTcpRelay(options: TcpRelayOptions): Promise<TcpRelay> {
  const limits = { ...LIMITS, ...options.limits };
  const open = new Set<Socket>();
  const perClient = new Map<string, number>();

  function onClient(client: Socket): void {
    const { remoteAddress: address = '' } = client;
    const count = (perClient.get(address) ?? 0) + 1;
    client.on('error', () => undefined);
    if (open.size >= limits.connections || count > limits.connectionsPerClient)
      return void client.resetAndDestroy();
    perClient.set(address, count);
    open.add(client);
    client.once('close', () => {
      open.delete(client);
      const left = (perClient.get(address) ?? 1) - 1;
      if (left > 0) perClient.set(address, left);
      else perClient.delete(address);
    });
    join(client, options.target, limits);
  }

  const server = createServer({ ...KEEP_ALIVE, allowHalfOpen: true }, onClient);
  await listening(server, options.listen);
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of open) socket.resetAndDestroy();
      await closed;
    },
  };
}

/** A client whose connection cannot be carried sees a reset at once, and tries again. */
function join(client: Socket, target: TcpRelayOptions['target'], limits: RelayLimits): void {
  const upstream = connect({ ...target, ...KEEP_ALIVE, allowHalfOpen: true });
  const pair = [
    [client, upstream],
    [upstream, client],
  ] as const;
  upstream.setTimeout(limits.connectMs, () => upstream.destroy());
  upstream.once('connect', () => {
    upstream.removeAllListeners('timeout');
    for (const [from, to] of pair) {
      from.pipe(to);
      endIfStalled(from, limits.stallMs);
    }
  });
  for (const [from, to] of pair) {
    let isClean = false;
    from.once('end', () => (isClean = true));
    from.on('error', () => undefined);
    // A half that has ended is passed on by the pipe; anything else ends both.
    from.once('close', (hadError) => {
      if (hadError || !isClean) to.resetAndDestroy();
      else to.destroySoon();
    });
  }
}

function endIfStalled(socket: Socket, stallMs: number): void {
  socket.setTimeout(stallMs, () => {
    if (socket.writableLength > 0) socket.resetAndDestroy();
    else socket.setTimeout(stallMs);
  });
}

function listening(server: Server, { host, port }: TcpRelayOptions['listen']): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
