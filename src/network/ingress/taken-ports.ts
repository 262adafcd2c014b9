/** Ports of this host that another process has. Caddy refuses a whole configuration for one of them. */
import { createServer } from 'node:net';

/** `own`: ports that Caddy has already. */
export async function findTakenPorts(
  ports: readonly number[],
  own: ReadonlySet<number>,
): Promise<readonly number[]> {
  const taken = await Promise.all(
    ports.map(async (port) => (!own.has(port) && (await isTaken(port)) ? [port] : [])),
  );
  return taken.flat();
}

const isTaken = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EADDRINUSE'));
    server.listen(port, () => server.close(() => resolve(false)));
  });
