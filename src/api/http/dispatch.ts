/**
 * The one table of what the API serves: resource, subresource and verb lead to a handler. Adding a
 * subresource takes a row here and one in methods.ts; paths that are no resources stand in
 * other-requests.ts. A test compares the table with what discovery announces.
 */
import type { Eventually } from '../../base/eventually.ts';
import type { Logger } from '../../base/logger.ts';
import { systemRng } from '../../base/rng.ts';
import type { Verb } from '../../resources/authz/types.ts';
import type { ResourceCore } from '../../resources/resource-core.ts';
import type { ObjectAction } from '../../resources/subresources/types.ts';
import { badRequest } from '../../schemas/errors/status.ts';
import type { Subresource } from '../../schemas/resource-kind.ts';
import type { PeerService } from '../peers/serve-peer.ts';
import { createProxy } from '../proxy/serve-proxy.ts';
import type { PodStreams } from '../streams/pod-streams.ts';
import type { PodStream } from '../streams/stream-request.ts';
import type { Tunnels } from '../tunnel.ts';
import type { Answer } from './answers.ts';
import type { ApiRequest, StoredRequest, VirtualRequest } from './api-request.ts';
import { logsOverWebSocket, readLogs } from './log-requests.ts';
import type { OwnResource } from './methods.ts';
import * as objects from './object-requests.ts';
import type { Outlet, UpgradeOutlet } from './outlets.ts';
import { readClusterState, restorePods, takeReport } from './own-resources.ts';
import type { RoutedRequest } from './routing.ts';
import { acceptPeer, acceptTunnel, asksFor, openPodStream, upgradeRequired } from './upgrades.ts';
import { createVirtual, getVirtual, listVirtual } from './virtual-requests.ts';
import { type ArchiveRoute, openVolumeArchive } from './volume-archives.ts';
import { watchObjects, watchOverWebSocket } from './watch-requests.ts';

/** Undefined: the handler has answered by itself. */
type Handler<Request> = (request: Request, outlet: Outlet) => Eventually<Answer | undefined>;
type UpgradeHandler<Request> = (request: Request, outlet: UpgradeOutlet) => Eventually<void>;
type ByVerb<Handler> = Readonly<Partial<Record<Verb, Handler>>>;
/** The key `object` stands for the resource itself. */
type Target = Subresource | 'object';

export interface DispatchTable {
  readonly stored: Readonly<Record<Target, ByVerb<Handler<StoredRequest>>>>;
  readonly virtual: ByVerb<Handler<VirtualRequest>>;
  readonly own: Readonly<Record<OwnResource, ByVerb<Handler<ApiRequest>>>>;
  readonly upgrades: Readonly<Partial<Record<Target, ByVerb<UpgradeHandler<StoredRequest>>>>>;
  readonly ownUpgrades: Readonly<Partial<Record<OwnResource, ByVerb<UpgradeHandler<ApiRequest>>>>>;
}

export interface DispatchOptions {
  readonly core: ResourceCore;
  readonly actions: readonly ObjectAction[];
  readonly tunnels: Tunnels;
  readonly podStreams: PodStreams;
  /** Takes the connections of other API servers. */
  readonly peerService?: Pick<PeerService, 'accept'>;
  readonly logger: Logger;
}

export function createDispatchTable(options: DispatchOptions): DispatchTable {
  const { core, actions, tunnels, podStreams, peerService, logger } = options;
  const on = (serve: (core: ResourceCore, request: StoredRequest) => Eventually<Answer>) =>
    ((request) => serve(core, request)) satisfies Handler<StoredRequest>;
  const update = on(objects.updateObject);
  const change = { get: on(objects.getObject), update, patch: on(objects.patchObject) };
  const action = { create: on(objects.actWith(actions)) };
  const onlyUpgrade = { create: on(upgradeRequired) };
  const { serve: proxy, upgrade } = createProxy({ core, tunnels, rng: systemRng });
  const stream = (kind: PodStream): ByVerb<UpgradeHandler<StoredRequest>> => ({
    create: (request, outlet) => openPodStream(core, podStreams, kind, request, outlet),
  });
  const archive =
    (route: ArchiveRoute): UpgradeHandler<ApiRequest> =>
    (request, outlet) =>
      openVolumeArchive({ core, tunnels }, route, request, outlet);
  return {
    stored: {
      object: {
        ...change,
        list: on(objects.listObjects),
        watch: (request, outlet) => watchObjects(core, logger, request, outlet),
        create: on(objects.createObject),
        delete: on(objects.deleteObject),
        deletecollection: on(objects.deleteObjects),
      },
      status: change,
      approval: change,
      ephemeralcontainers: change,
      resize: change,
      finalize: { update },
      scale: { get: on(objects.getScale), update: on(objects.updateScale), patch: on(objects.patchScale) },
      binding: { create: on(objects.bindPod) },
      eviction: action,
      token: action,
      log: { get: (request, outlet) => readLogs(core, tunnels, request, outlet) },
      exec: onlyUpgrade,
      attach: onlyUpgrade,
      portforward: onlyUpgrade,
      proxy: { get: proxy, create: proxy, update: proxy, patch: proxy, delete: proxy },
    },
    virtual: { create: createVirtual, get: getVirtual, list: listVirtual },
    own: {
      clusterstate: { get: () => readClusterState(core) },
      'nodes/report': { create: (request) => takeReport(core, request) },
      'nodes/restore': { create: (request) => restorePods(core, request) },
      'nodes/tunnel': {},
      peers: {},
      'volumes/backup': {},
      'volumes/restore': {},
    },
    upgrades: {
      object: { watch: onlyWebSocket((...asked) => watchOverWebSocket(core, logger, ...asked)) },
      log: { get: onlyWebSocket((...asked) => logsOverWebSocket(core, tunnels, ...asked)) },
      exec: stream('exec'),
      attach: stream('attach'),
      portforward: stream('portforward'),
      proxy: { get: upgrade, create: upgrade, update: upgrade, patch: upgrade, delete: upgrade },
    },
    ownUpgrades: {
      'nodes/tunnel': { create: (request, outlet) => acceptTunnel(tunnels, request, outlet) },
      peers: { create: (request, outlet) => acceptPeer(peerService, request, outlet) },
      'volumes/backup': { create: archive('volumeBackup') },
      'volumes/restore': { update: archive('volumeRestore') },
    },
  };
}

const onlyWebSocket =
  (serve: UpgradeHandler<StoredRequest>): UpgradeHandler<StoredRequest> =>
  (request, outlet) => {
    if (!asksFor(request, 'websocket')) throw badRequest('Upgrade request required');
    return serve(request, outlet);
  };

/** Undefined where nothing serves the verb. A request carries the route that chose its handler. */
export function handlerOf(table: DispatchTable, routed: RoutedRequest): Handler<ApiRequest> | undefined {
  const handlers =
    routed.type === 'stored'
      ? table.stored[routed.subresource ?? 'object']
      : routed.type === 'virtual'
        ? table.virtual
        : table.own[routed.resource];
  return handlers[routed.verb] as Handler<ApiRequest> | undefined;
}

export function upgradeHandlerOf(
  table: DispatchTable,
  routed: RoutedRequest,
): UpgradeHandler<ApiRequest> | undefined {
  if (routed.type === 'own') return table.ownUpgrades[routed.resource]?.[routed.verb];
  const handlers = routed.type === 'stored' ? table.upgrades[routed.subresource ?? 'object'] : undefined;
  return handlers?.[routed.verb] as UpgradeHandler<ApiRequest> | undefined;
}
