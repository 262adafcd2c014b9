/** The routes of this machine, as its kernel reports them. Nothing is sent. */
import { createSocket } from 'node:dgram';
import { readFile } from 'node:fs/promises';
import { parseInterfaces, parseRoutes, type RouteTable } from './plan-pod-route.ts';

export interface Routes {
  /** Undefined if there is no such table. */
  table(): Promise<RouteTable | undefined>;
  /** The source address for packets to `address`, by all rules; undefined without a route. */
  sourceFor(address: string): Promise<string | undefined>;
}

/** Any port: connecting a datagram socket only looks up its route. */
const PORT = 9;

export const systemRoutes: Routes = {
  async table() {
    try {
      const [routes, devices] = await Promise.all([
        readFile('/proc/net/route', 'utf8'),
        readFile('/proc/net/dev', 'utf8'),
      ]);
      return { routes: parseRoutes(routes), interfaces: parseInterfaces(devices) };
    } catch {
      return undefined;
    }
  },
  sourceFor: (address) =>
    new Promise((resolve) => {
      const socket = createSocket('udp4');
      const end = (source: string | undefined): void => {
        socket.close();
        resolve(source);
      };
      socket.once('error', () => end(undefined));
      socket.connect(PORT, address, (error?: Error) => end(error ? undefined : socket.address().address));
    }),
};
