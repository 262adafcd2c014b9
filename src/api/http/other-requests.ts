/** Paths that are no resources: health, version, metrics, discovery, OpenAPI and webhooks. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Registry, ServedResource } from '../../schemas/resource-kind.ts';
import { methodNotAllowed, resourceNotFound } from '../core/refusals.ts';
import type { OpenApiDocuments } from '../openapi/documents.ts';
import type { VirtualResource } from '../virtual/types.ts';
import { type Answer, jsonAnswer, textAnswer } from './answers.ts';
import { aggregatedDiscovery, apiGroupList, apiGroupOf, apiResourceList, apiVersions } from './discovery.ts';
import { type HealthCheck, healthAnswer } from './health.ts';
import { mediaRanges, wantsAggregatedDiscovery } from './negotiation.ts';
import { versionInfo } from './version.ts';
import { type WebhookHandler, webhookAnswer, webhookProvider } from './webhooks.ts';

export interface MetricsSource {
  readonly contentType: string;
  metrics(): Promise<string>;
}

export interface OtherRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer | undefined;
}

export interface OtherRequestsOptions {
  readonly registry: Registry;
  readonly virtual: readonly VirtualResource[];
  readonly openapi: () => OpenApiDocuments;
  readonly livenessChecks?: readonly HealthCheck[];
  readonly readinessChecks?: readonly HealthCheck[];
  readonly metrics?: MetricsSource;
  readonly webhooks?: WebhookHandler;
}

const FIXED_PATHS = [
  '/api',
  '/apis',
  '/healthz',
  '/livez',
  '/metrics',
  '/openapi/v2',
  '/openapi/v3',
  '/readyz',
  '/version',
];

export async function serveOther(options: OtherRequestsOptions, request: OtherRequest): Promise<Answer> {
  const { url, method, headers, body } = request;
  const path = url.pathname.replace(/(.)\/$/, '$1');
  const provider = webhookProvider(path);
  if (provider) return webhookAnswer(options.webhooks, provider, method, headers, body);
  if (method !== 'GET' && method !== 'HEAD') throw methodNotAllowed();
  switch (path) {
    case '/livez':
    case '/healthz':
      return healthAnswer(path.slice(1), options.livenessChecks ?? [], url.searchParams);
    case '/readyz':
      return healthAnswer('readyz', options.readinessChecks ?? [], url.searchParams);
    case '/version':
      return json(versionInfo());
    case '/metrics': {
      const source = options.metrics;
      if (!source) return textAnswer(200, '');
      return { code: 200, contentType: source.contentType, body: await source.metrics() };
    }
    case '/':
      return json({ paths: rootPaths(servedBy(options)) });
  }
  if (path.startsWith('/openapi/')) return openApiAnswer(options.openapi(), path, headers.accept);
  return discoveryAnswer(servedBy(options), path, headers);
}

/** Everything that discovery lists, of the store and not. */
const servedBy = ({ registry, virtual }: OtherRequestsOptions): readonly ServedResource[] => [
  ...registry.kinds,
  ...virtual,
];

function rootPaths(served: readonly ServedResource[]): readonly string[] {
  const groups = served.flatMap(({ group, version }) =>
    group === '' ? [`/api/${version}`] : [`/apis/${group}`, `/apis/${group}/${version}`],
  );
  return [...new Set([...groups, ...FIXED_PATHS])].sort();
}

function openApiAnswer(openapi: OpenApiDocuments, path: string, accept: string | undefined): Answer {
  const document = /^\/openapi\/v3\/(.+)$/.exec(path)?.[1];
  if (path === '/openapi/v3') return jsonAnswer(200, openapi.index);
  if (document !== undefined) {
    const text = openapi.byPath.get(document);
    return text === undefined ? textAnswer(404, '404 page not found\n') : jsonAnswer(200, text);
  }
  if (path !== '/openapi/v2') return textAnswer(404, '404 page not found\n');
  const wanted = mediaRanges(accept).some(({ type }) =>
    ['application/json', '*/*', 'application/*'].includes(type),
  );
  return wanted ? jsonAnswer(200, openapi.v2) : textAnswer(406, 'only application/json is available\n');
}

function discoveryAnswer(
  served: readonly ServedResource[],
  path: string,
  { accept, host }: IncomingHttpHeaders,
): Answer {
  if (path === '/api' || path === '/apis') {
    const version = wantsAggregatedDiscovery(accept);
    if (version !== undefined) {
      const contentType = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
      const body = JSON.stringify(aggregatedDiscovery(served, path === '/api', version));
      return { code: 200, contentType, body, headers: { vary: 'Accept' } };
    }
    return json(path === '/api' ? apiVersions(host ?? '') : apiGroupList(served));
  }
  const [, root, first = '', second, ...rest] = path.split('/');
  if (root === 'api' && second === undefined) return found(apiResourceList(served, '', first));
  if (root === 'apis' && rest.length === 0) {
    const group = apiGroupOf(served, first);
    if (group !== undefined)
      return second === undefined ? json(group) : found(apiResourceList(served, first, second));
  }
  return textAnswer(404, '404 page not found\n');
}

function found(document: unknown): Answer {
  if (document === undefined) throw resourceNotFound();
  return json(document);
}

const json = (value: unknown): Answer => jsonAnswer(200, JSON.stringify(value));
