/** Paths that are no resources: health, version, metrics, discovery, OpenAPI and webhooks. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Registry, ServedResource } from '../../schemas/resource-kind.ts';
import type { IssuerDocuments } from '../authn/service-account-tokens.ts';
import { methodNotAllowed, resourceNotFound } from '../../resources/refusals.ts';
import type { OpenApiDocuments } from '../openapi/documents.ts';
import type { VirtualResource } from '../virtual/types.ts';
import { type Answer, jsonAnswer, textAnswer } from './answers.ts';
import { aggregatedDiscovery, apiGroupList, apiGroupOf, apiResourceList, apiVersions } from './discovery.ts';
import { checkAnswer, type HealthCheck, healthAnswer } from './health.ts';
import { type DiscoveryForm, negotiateDiscovery } from './negotiation.ts';
import { openApiAnswer } from './openapi-requests.ts';
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
  readonly openapi: () => Promise<OpenApiDocuments>;
  readonly nowMs: () => number;
  readonly livenessChecks?: readonly HealthCheck[];
  readonly readinessChecks?: readonly HealthCheck[];
  readonly metrics?: MetricsSource;
  readonly webhooks?: WebhookHandler;
  /** Of service account tokens: what others need to check them. */
  readonly issuer?: IssuerDocuments;
}

const NOT_FOUND = '404 page not found\n';

const FIXED_PATHS = [
  '/.well-known/openid-configuration',
  '/api',
  '/apis',
  '/healthz',
  '/livez',
  '/metrics',
  '/openapi/v2',
  '/openapi/v3',
  '/openid/v1/jwks',
  '/readyz',
  '/version',
];

export async function serveOther(options: OtherRequestsOptions, request: OtherRequest): Promise<Answer> {
  const { url, method, headers, body } = request;
  const path = url.pathname.replace(/(.)\/$/, '$1');
  const provider = webhookProvider(path);
  if (provider) return webhookAnswer(options.webhooks, provider, method, headers, body);
  if (method !== 'GET' && method !== 'HEAD') {
    // What there is cannot be written; what there is not cannot be found, whatever is done to it.
    if (rootPaths(servedBy(options)).includes(path)) throw methodNotAllowed();
    return textAnswer(404, NOT_FOUND);
  }
  const health = /^\/(livez|healthz|readyz)(?:\/(.+))?$/.exec(path);
  if (health) {
    const [, endpoint = '', name] = health;
    const checks = (endpoint === 'readyz' ? options.readinessChecks : options.livenessChecks) ?? [];
    if (name === undefined) return healthAnswer(endpoint, checks, url.searchParams);
    return (await checkAnswer(checks, name)) ?? textAnswer(404, NOT_FOUND);
  }
  switch (path) {
    case '/.well-known/openid-configuration':
      if (!options.issuer) break;
      return published(options.issuer.configuration(`https://${headers.host ?? ''}`), 'application/json');
    case '/openid/v1/jwks':
      if (!options.issuer) break;
      return published(options.issuer.keySet, 'application/jwk-set+json');
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
  if (path.startsWith('/openapi/')) {
    const asked = { path, query: url.searchParams, headers, nowMs: options.nowMs() };
    return openApiAnswer(await options.openapi(), asked);
  }
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

function discoveryAnswer(
  served: readonly ServedResource[],
  path: string,
  { accept, host }: IncomingHttpHeaders,
): Answer {
  const isRoot = path === '/api' || path === '/apis';
  const [, root, first = '', second, ...rest] = path.split('/');
  const isDocument = (root === 'api' && second === undefined) || (root === 'apis' && rest.length === 0);
  if (!isRoot && !(isDocument && isServed(served, root === 'api' ? '' : first)))
    return textAnswer(404, NOT_FOUND);
  const form = negotiateDiscovery(accept, isRoot);
  if (form.aggregated) {
    const answer = documentAnswer(aggregatedDiscovery(served, path === '/api'), form);
    const contentType = `${answer.contentType};g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList`;
    return { ...answer, contentType, headers: { vary: 'Accept' } };
  }
  if (isRoot) return documentAnswer(path === '/api' ? apiVersions(host ?? '') : apiGroupList(served), form);
  if (root === 'apis' && second === undefined) return documentAnswer(apiGroupOf(served, first), form);
  const [group, version] = root === 'api' ? ['', first] : [first, second ?? ''];
  return documentAnswer(apiResourceList(served, group, version), form);
}

const isServed = (served: readonly ServedResource[], name: string): boolean =>
  served.some(({ group }) => group === name);

/** In protobuf the type stands in an envelope, also where the JSON leaves a part of it out. */
function documentAnswer(document: unknown, { encoding }: DiscoveryForm): Answer {
  if (document === undefined) throw resourceNotFound();
  const typed = encoding === 'protobuf' ? { apiVersion: 'v1', ...(document as object) } : document;
  return jsonAnswer(200, JSON.stringify(typed), encoding);
}

const published = (body: string, contentType: string): Answer => ({ code: 200, contentType, body });

const json = (value: unknown): Answer => jsonAnswer(200, JSON.stringify(value));
