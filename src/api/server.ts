/** The API server: HTTPS, tunnels and the core behind them, started and disposed as one. */
import { Server as HttpsServer } from 'node:https';
import type { Clock } from '../base/clock.ts';
import { openScope, type Scope } from '../base/scope.ts';
import { createAuthorizer } from '../resources/authz/authorizer.ts';
import type { Authorizer } from '../resources/authz/types.ts';
import { type AppOptions, createApp } from './http/app.ts';
import type { ServerTls } from './tls/server-tls.ts';
import { createNodeUsages, type NodeUsages } from './metrics/node-usage.ts';
import { createPeerTunnels } from './peers/peer-tunnels.ts';
import { createPeerService } from './peers/serve-peer.ts';
import type { PeerOptions } from './peers/types.ts';
import { createTunnels, type Tunnels, type TunnelsOptions } from './tunnel.ts';
import { builtInResources } from './virtual/built-in.ts';

export interface ApiServerOptions extends Omit<AppOptions, 'tls' | 'tunnels' | 'peerService' | 'authorizer'> {
  readonly listen: { readonly host: string; readonly port: number };
  readonly tls: ServerTls;
  /** Defaults to roles, nodes and administrators (resources/authz/authorizer.ts). */
  readonly authorizer?: Authorizer;
  /** The other servers of the cluster; without it there are none. */
  readonly peers?: PeerOptions;
  readonly clock: Clock;
  /** Which agents are asked for signs of life, how often, and what they are told. */
  readonly heartbeats?: Pick<TunnelsOptions, 'heartbeatMs' | 'localNodes' | 'leaseAgeMs'>;
}

export interface ApiServer extends AsyncDisposable {
  /** `https://127.0.0.1:6443`, with the port that was really taken. */
  readonly url: string;
  /** Nodes whose agents have a tunnel open. */
  readonly connectedNodes: readonly string[];
  readonly heartbeats: Tunnels['heartbeats'];
  /** The usage of the containers of the nodes. */
  readonly usages: NodeUsages;
  /** New connections use this certificate; open ones stay. */
  renewTls(tls: ServerTls): void;
}

/** A start that fails half way ends what it has started. */
export function createApiServer(options: ApiServerOptions): Promise<ApiServer> {
  return openScope((parts) => startApiServer(options, parts));
}

async function startApiServer(
  options: ApiServerOptions,
  parts: Scope,
): Promise<Omit<ApiServer, keyof AsyncDisposable>> {
  const { core, clock, listen, peers, tls } = options;
  const logger = options.logger.child({ component: 'api-server' });
  const local = createTunnels({ ...options.heartbeats, clock, logger });
  const tunnels = peers ? createPeerTunnels({ ...peers, local, clock, logger }) : local;
  const peerService = createPeerService(local, logger);
  const usages = createNodeUsages({ tunnels, clock, logger });
  const authorizer = options.authorizer ?? createAuthorizer(core.snapshots);
  await core.warm();
  const app = parts.use(
    createApp({
      ...options,
      virtual: [...(options.virtual ?? []), ...builtInResources({ core, authorizer, usages })],
      logger,
      tunnels,
      peerService,
      authorizer,
      tls: { key: tls.keyPem, cert: tls.certPem, ca: tls.caPem },
    }),
  );
  // The server closes last: it waits for the sockets of tunnels and sessions.
  parts.use(tunnels);
  parts.use(peerService);
  parts.defer(app.endStreams);
  const port = await app.listen(listen);
  parts.use(core.announce(port));
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  return {
    url: `https://${host}:${port}`,
    usages,
    get connectedNodes() {
      return tunnels.nodes;
    },
    heartbeats: (signal) => tunnels.heartbeats(signal),
    renewTls({ keyPem, certPem, caPem }) {
      const { server } = app;
      if (server instanceof HttpsServer) server.setSecureContext({ key: keyPem, cert: certPem, ca: caPem });
    },
  };
}
