/**
 * A TCP load balancer, as simple as one can be: each connection goes to the next backend that takes
 * it.
 */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface TcpBalancer extends AsyncDisposable {
  readonly port: number;
}

export async function startTcpBalancer(backends: readonly number[]): Promise<TcpBalancer> {
  let next = 0;
  const sockets = new Set<Socket>();
  const track = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy());
  };
  const dial = (client: Socket, attempts: number): void => {
    if (attempts === 0) return void client.destroy();
    const port = backends[next++ % backends.length] ?? 0;
    const backend = track(connect(port, '127.0.0.1'));
    backend.once('connect', () => {
      client.pipe(backend).pipe(client);
      client.once('close', () => backend.destroy());
      backend.once('close', () => client.destroy());
      backend.off('error', retry);
    });
    const retry = (): void => dial(client, attempts - 1);
    backend.once('error', retry);
  };
  const server = createServer((client) => dial(track(client), backends.length));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
