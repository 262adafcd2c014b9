/**
 * A unix socket before the Engine's own, which notes when calls pass; the bytes go through as they
 * are.
 */
import { rm } from 'node:fs/promises';
import { type Socket, connect, createServer } from 'node:net';

export interface SocketTap extends AsyncDisposable {
  readonly url: string;
  /** `performance.now()` of each request to create a container. */
  readonly creates: number[];
}

export async function tapSocket(target: string, path: string): Promise<SocketTap> {
  const creates: number[] = [];
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const engine = connect({ path: target, allowHalfOpen: true });
    for (const socket of [client, engine]) {
      open.add(socket);
      socket.on('close', () => open.delete(socket));
      socket.on('error', () => {
        client.destroy();
        engine.destroy();
      });
    }
    client.on('data', (chunk: Buffer) => {
      if (chunk.includes('POST /containers/create')) creates.push(performance.now());
    });
    client.pipe(engine).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    url: `unix://${path}`,
    creates,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await rm(path, { force: true });
    },
  };
}
