/** Parts of what the proxy does. Pure. */
import type { ProxyModel, ProxyPorts } from './proxy-model.ts';

/** The keys of all objects that have routes. */
export const ownersOf = ({ routes, listeners }: ProxyModel): readonly string[] => [
  ...new Set([routes, ...listeners.map((listener) => listener.routes)].flat().map(({ owner }) => owner)),
];

/** Without what these objects asked for. */
export const withoutOwners = (model: ProxyModel, owners: { has(owner: string): boolean }): ProxyModel => ({
  ...model,
  routes: model.routes.filter(({ owner }) => !owners.has(owner)),
  listeners: model.listeners.map((listener) => ({
    ...listener,
    routes: listener.routes.filter(({ owner }) => !owners.has(owner)),
  })),
  certificates: model.certificates.filter(({ owner }) => !owners.has(owner)),
});

export const portsOf = (
  { servesHttp, servesTls, listeners }: ProxyModel,
  { httpPort, httpsPort }: ProxyPorts,
): readonly number[] => [
  ...(servesHttp ? [httpPort] : []),
  ...(servesTls ? [httpsPort] : []),
  ...listeners.map(({ port }) => port),
];

export const withoutPorts = (
  model: ProxyModel,
  ports: readonly number[],
  { httpPort, httpsPort }: ProxyPorts,
): ProxyModel => ({
  ...model,
  servesHttp: model.servesHttp && !ports.includes(httpPort),
  servesTls: model.servesTls && !ports.includes(httpsPort),
  listeners: model.listeners.filter(({ port }) => !ports.includes(port)),
});
