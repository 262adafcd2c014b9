/** One row per path that is no resource: health, metrics, discovery, OpenAPI, webhooks. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Eventually } from '../../base/eventually.ts';
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
import { MAX_WEBHOOK_BYTES, type WebhookHandler, webhookAnswer, webhookProvider } from './webhooks.ts';

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
  /** With these, others can check service account tokens. */
  readonly issuer?: IssuerDocuments;
}

type PathHandler = (
  options: OtherRequestsOptions,
  request: OtherRequest,
  path: string,
) => Eventually<Answer | undefined>;

interface PathRow {
  /** Undefined is answered with 404. */
  readonly serve: PathHandler;
  /** Everybody may ask, without a name. */
  readonly isOpen?: true;
  /** Set where the handler decides about methods; every other path is only read. */
  readonly maxBodyBytes?: number;
}

const issued: PathHandler = ({ issuer }, { headers }, path) => {
  if (!issuer) return undefined;
  return path === '/openid/v1/jwks'
    ? published(issuer.keySet, 'application/jwk-set+json')
    : published(issuer.configuration(`https://${headers.host ?? ''}`), 'application/json');
};

const metrics: PathHandler = async ({ metrics: source }) =>
  source ? published(await source.metrics(), source.contentType) : textAnswer(200, '');

const health: PathHandler = ({ livenessChecks, readinessChecks }, { url }, path) => {
  const [, endpoint = '', ...name] = path.split('/');
  const checks = (endpoint === 'readyz' ? readinessChecks : livenessChecks) ?? [];
  return name.length > 0
    ? checkAnswer(checks, name.join('/'))
    : healthAnswer(endpoint, checks, url.searchParams);
};

const openApi: PathHandler = async (options, { url, headers }, path) =>
  openApiAnswer(await options.openapi(), { path, query: url.searchParams, headers, nowMs: options.nowMs() });

const discovery: PathHandler = (options, { headers }, path) =>
  discoveryAnswer(servedBy(options), path, headers);

const webhook: PathHandler = ({ webhooks }, { method, headers, body }, path) => {
  const provider = webhookProvider(path);
  return provider && webhookAnswer(webhooks, provider, method, headers, body);
};

/** A path, or everything below one. Paths without a star are listed at the root. */
const ROWS: Readonly<Record<string, PathRow>> = {
  '/.well-known/openid-configuration': { serve: issued },
  '/api': { serve: discovery },
  '/api/*': { serve: discovery },
  '/apis': { serve: discovery },
  '/apis/*': { serve: discovery },
  '/healthz': { serve: health, isOpen: true },
  '/healthz/*': { serve: health },
  '/livez': { serve: health, isOpen: true },
  '/livez/*': { serve: health },
  '/metrics': { serve: metrics },
  '/openapi/v2': { serve: openApi },
  '/openapi/v3': { serve: openApi },
  '/openapi/*': { serve: openApi },
  '/openid/v1/jwks': { serve: issued },
  '/readyz': { serve: health, isOpen: true },
  '/readyz/*': { serve: health },
  '/version': { serve: () => json(versionInfo()), isOpen: true },
};

/**
 * Checks a signature instead of a user. Any other path below `/webhooks/` is like an unknown one.
 */
const WEBHOOK: PathRow = { serve: webhook, isOpen: true, maxBodyBytes: MAX_WEBHOOK_BYTES };

const ROOT: PathRow = { serve: (options) => json({ paths: rootPaths(servedBy(options)) }) };

function rowOf(path: string): PathRow | undefined {
  if (path === '/') return ROOT;
  if (webhookProvider(path)) return WEBHOOK;
  const below = path.replace(/^(\/[^/]+\/).+/s, '$1*');
  for (const key of [path, below]) if (Object.hasOwn(ROWS, key)) return ROWS[key];
  return undefined;
}

const withoutSlash = ({ pathname }: URL): string => pathname.replace(/(.)\/$/, '$1');

export const isOpenPath = (url: URL): boolean => rowOf(withoutSlash(url))?.isOpen === true;

/** Undefined for paths with the usual limit. */
export const maxBodyBytesOf = (url: URL): number | undefined => rowOf(withoutSlash(url))?.maxBodyBytes;

export async function serveOther(options: OtherRequestsOptions, request: OtherRequest): Promise<Answer> {
  const { url, method } = request;
  const path = withoutSlash(url);
  const row = rowOf(path);
  if (method !== 'GET' && method !== 'HEAD' && row?.maxBodyBytes === undefined) {
    // A path that exists cannot be written; any other is not found, whatever the method.
    if (rootPaths(servedBy(options)).includes(path)) throw methodNotAllowed();
    return notFound();
  }
  return (await row?.serve(options, request, path)) ?? notFound();
}

/** Everything that discovery lists, whether or not it is stored. */
const servedBy = ({ registry, virtual }: OtherRequestsOptions): readonly ServedResource[] => [
  ...registry.kinds,
  ...virtual,
];

function rootPaths(served: readonly ServedResource[]): readonly string[] {
  const groups = served.flatMap(({ group, version }) =>
    group === '' ? [`/api/${version}`] : [`/apis/${group}`, `/apis/${group}/${version}`],
  );
  const fixed = Object.keys(ROWS).filter((path) => !path.endsWith('*'));
  return [...new Set([...groups, ...fixed])].sort();
}

function discoveryAnswer(
  served: readonly ServedResource[],
  path: string,
  { accept, host }: IncomingHttpHeaders,
): Answer | undefined {
  const isRoot = path === '/api' || path === '/apis';
  const [, root, first = '', second, ...rest] = path.split('/');
  const isDocument = (root === 'api' && second === undefined) || (root === 'apis' && rest.length === 0);
  const wanted = root === 'api' ? '' : first;
  if (!isRoot && !(isDocument && served.some(({ group }) => group === wanted))) return undefined;
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

/** In protobuf the envelope carries the type, also where the JSON leaves a part of it out. */
function documentAnswer(document: unknown, { encoding }: DiscoveryForm): Answer {
  if (document === undefined) throw resourceNotFound();
  const typed = encoding === 'protobuf' ? { apiVersion: 'v1', ...(document as object) } : document;
  return jsonAnswer(200, JSON.stringify(typed), encoding);
}

const published = (body: string, contentType: string): Answer => ({ code: 200, contentType, body });

const json = (value: unknown): Answer => jsonAnswer(200, JSON.stringify(value));

const notFound = (): Answer => textAnswer(404, '404 page not found\n');
