/**
 * Replays recorded cases against the real HTTP layer and core on a memory store. Each case begins
 * with the cluster that the recording had: namespace `testns` with its default service account, two
 * nodes, an administrator.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isRecord } from '../../src/base/json.ts';
import { createHttpClient } from '../support/http-client.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { createAuthorizer } from '../../src/resources/authz/authorizer.ts';
import { type App, createApp } from '../../src/api/http/app.ts';
import { parseTarget } from '../../src/api/http/request-target.ts';
import { createAccessReviews } from '../../src/api/virtual/access-reviews.ts';
import { createAuthentication } from '../../src/api/authn/authentication.ts';
import { createServiceAccountTokens } from '../../src/api/authn/service-account-tokens.ts';
import { newSigningKeyPem, signingKeyOf } from '../../src/api/tls/signing-key.ts';
import { toTable } from '../../src/api/tables/index.ts';
import { createTunnels } from '../../src/api/tunnel.ts';
import type { KubeObject } from '../../src/schemas/object.ts';
import { builtinRegistry } from '../../src/schemas/registry.ts';
import type { AdmissionPolicy } from '../../src/resources/admission/types.ts';
import { startTestCore, type TestCore } from '../api/test-api.ts';
import { establishWidgets, RECORDED_GROUP } from './custom-resources.ts';
import { type Bindings, differences, newBindings, substitute } from './matching.ts';

export interface CaseResult {
  readonly name: string;
  /** Empty when the case passed. */
  readonly failures: readonly string[];
  /** Why the case was not replayed. It counts neither way. */
  readonly leftOut?: string;
  /** Validation: whether the answer's verdict alone is right. */
  readonly verdict?: boolean;
}

export const leftOutCase = (name: string, leftOut: string): CaseResult => ({ name, failures: [], leftOut });

export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly query?: string | Readonly<Record<string, string>>;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly bodyText?: string;
}

export interface RecordedResponse {
  readonly code: number;
  readonly body?: unknown;
  readonly bodyText?: string;
  readonly warning?: readonly string[];
}

export interface Answered {
  readonly code: number;
  readonly text: string;
  readonly warnings: readonly string[];
}

export interface Cluster extends AsyncDisposable {
  readonly test: TestCore;
  send(request: RecordedRequest, bindings: Bindings): Promise<Answered>;
}

/** The recording server enforced no Pod Security level, as upstream does unless it is told to. */
const RECORDED_POLICY: AdmissionPolicy = {
  defaultPodSecurity: 'privileged',
  allowedExternalIps: ['0.0.0.0/0'],
};

const SIGNING_KEY = signingKeyOf(newSigningKeyPem());

/** The user of the recording. */
const ADMIN = { name: 'admin', uid: '1', groups: ['system:masters', 'system:authenticated'] } as const;

export async function startCluster(namespaces: readonly string[] = ['default', 'testns']): Promise<Cluster> {
  const test = await startTestCore(systemClock, namespaces, RECORDED_POLICY);
  for (const name of ['fake-1', 'fake-2'])
    await test.objects.create({ apiVersion: 'v1', kind: 'Node', metadata: { name } });
  await test.core.warm();
  for (const namespace of namespaces)
    await test.objects.create({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'default', namespace },
    });
  const authorizer = createAuthorizer(test.core.snapshots);
  const serviceAccounts = await createServiceAccountTokens(SIGNING_KEY);
  const table = { find: () => undefined };
  const authentication = createAuthentication({ core: test.core, table, serviceAccounts, rng: test.rng });
  const app: App = createApp({
    core: test.core,
    authenticator: {
      authenticate: async ({ headers }) =>
        headers.authorization === undefined
          ? { result: 'user', user: ADMIN }
          : authentication.authenticator.authenticate({ headers }),
    },
    authorizer,
    virtual: [...createAccessReviews({ core: test.core, authorizer }), ...authentication.virtual],
    actions: authentication.actions,
    issuer: serviceAccounts.documents,
    tunnels: createTunnels({ clock: systemClock, logger: silentLogger }),
    logger: silentLogger,
  });
  const client = createHttpClient(await app.listen({ host: '127.0.0.1', port: 0 }));
  return {
    test,
    async send(recorded, bindings) {
      const request = substitute(recorded, bindings);
      const query =
        typeof request.query === 'object' ? new URLSearchParams(request.query).toString() : request.query;
      const answer = await client.send({
        method: request.method,
        url: query ? `${request.path}?${query}` : request.path,
        headers: {
          'user-agent': 'recorder/1.0',
          ...(request.contentType === undefined ? {} : { 'content-type': request.contentType }),
          ...request.headers,
        },
        body: request.bodyText ?? textOf(request.body),
      });
      return { code: answer.code, text: answer.bytes.toString('utf8'), warnings: answer.warnings };
    },
    async [Symbol.asyncDispose]() {
      client.close();
      await app[Symbol.asyncDispose]();
      await test[Symbol.asyncDispose]();
    },
  };
}

function textOf(body: unknown): string | undefined {
  if (body === undefined || body === null) return undefined;
  return typeof body === 'string' ? body : JSON.stringify(body);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Whether everything that the case speaks of is served here. */
function isOurs(request: RecordedRequest): boolean {
  const target = parseTarget(request.path);
  if (target.type !== 'resource' || target.group === RECORDED_GROUP) return true;
  const { kinds } = builtinRegistry;
  const known = kinds.some(
    ({ group, version, plural }) =>
      group === target.group && version === target.version && plural === target.plural,
  );
  // A request that must not find its object is a case of ours, too.
  const upstreamOnly = !known && !/^(widgets|things)$/.test(target.plural);
  if (target.group === 'ext.example.com' || (target.plural === 'widgets' && request.method !== 'GET'))
    return false;
  const unserved = target.subresource === 'exec';
  return !upstreamOnly && !unserved;
}

function compareResponse(expected: RecordedResponse, answer: Answered, bindings: Bindings): string[] {
  const found: string[] = [];
  if (expected.code !== answer.code)
    found.push(`code: expected ${expected.code}, got ${answer.code}: ${answer.text.slice(0, 300)}`);
  else if (expected.body !== undefined)
    found.push(...differences(expected.body, jsonOf(answer.text), bindings));
  else if (expected.bodyText !== undefined)
    found.push(...differences(expected.bodyText, answer.text, bindings));
  if (expected.warning)
    found.push(
      ...differences([...expected.warning], lastWarning(answer.warnings), bindings).map(
        (text) => `warning ${text}`,
      ),
    );
  return found;
}

/**
 * The recorder kept the last `Warning` header of an answer only. Our own about what is not
 * implemented are beside what upstream has to say.
 */
const lastWarning = (warnings: readonly string[]): string[] =>
  warnings.filter((warning) => !warning.includes('not implemented by Symphony')).slice(-1);

interface RequestCase {
  readonly setup?: readonly {
    readonly request: RecordedRequest;
    readonly response?: RecordedResponse;
    readonly code?: number;
  }[];
  readonly before?: unknown;
  readonly request: RecordedRequest;
  readonly response: RecordedResponse;
}

async function replayRequest(recorded: RequestCase, folder?: string): Promise<string[] | undefined> {
  // A stream that stays open has no answer to compare.
  if (JSON.stringify(recorded.response.body ?? '').includes('stream stays open')) return undefined;
  const requests = [...(recorded.setup ?? []).map(({ request }) => request), recorded.request];
  if (!requests.every(isOurs)) return undefined;
  const cluster = await startCluster();
  const custom = recorded.request.path.includes(RECORDED_GROUP) && folder !== undefined;
  const definitions = custom ? await establishWidgets(cluster.test, folder) : undefined;
  try {
    const bindings = newBindings();
    let versions = 0;
    for (const step of recorded.setup ?? []) {
      const answer = await cluster.send(step.request, bindings);
      const wanted = step.response?.code ?? step.code;
      if (wanted !== undefined && wanted !== answer.code)
        return [`setup: expected ${wanted}, got ${answer.code}: ${answer.text.slice(0, 300)}`];
      const object = jsonOf(answer.text);
      const version =
        isRecord(object) && isRecord(object['metadata']) ? object['metadata']['resourceVersion'] : undefined;
      versions += 1;
      if (typeof version === 'string' && recorded.before === undefined)
        bindings.values.set(`<rv-${versions}>`, version);
    }
    if (isRecord(recorded.before) && !recorded.request.path.endsWith('/scale')) {
      const answer = await cluster.send(
        { method: 'GET', path: recorded.request.path.replace(/\/(status|resize|ephemeralcontainers)$/, '') },
        bindings,
      );
      const found = differences(recorded.before, jsonOf(answer.text), bindings);
      if (found.length > 0) return found.map((text) => `before: ${text}`);
    }
    const answer = await cluster.send(recorded.request, bindings);
    return compareResponse(recorded.response, answer, bindings);
  } finally {
    await definitions?.[Symbol.asyncDispose]();
    await cluster[Symbol.asyncDispose]();
  }
}

interface StepsCase {
  readonly steps: readonly { readonly request: RecordedRequest; readonly response: RecordedResponse }[];
}

interface WatchCase {
  readonly setup: readonly {
    readonly request: RecordedRequest;
    readonly code: number;
    readonly object?: unknown;
  }[];
  readonly watch: {
    readonly path: string;
    readonly query: Readonly<Record<string, string>>;
    readonly accept?: string;
  };
  readonly script: readonly { readonly request: RecordedRequest; readonly code: number }[];
  readonly events: readonly unknown[];
}

/** A watch that begins before everything: the version of the list that the recorder made first. */
async function startOf(cluster: Cluster, { watch, events }: WatchCase): Promise<string> {
  if (JSON.stringify(events).includes('too old resource version')) return '1';
  const list = jsonOf((await cluster.send({ method: 'GET', path: watch.path }, newBindings())).text);
  const metadata = isRecord(list) ? list['metadata'] : undefined;
  return isRecord(metadata) ? String(metadata['resourceVersion']) : '';
}

async function replaySteps({ steps }: StepsCase): Promise<string[] | undefined> {
  if (!steps.every(({ request }) => isOurs(request))) return undefined;
  const cluster = await startCluster();
  try {
    const bindings = newBindings();
    for (const [index, { request, response }] of steps.entries()) {
      const found = compareResponse(response, await cluster.send(request, bindings), bindings);
      if (found.length > 0)
        return found.map((text) => `step ${index + 1} (${request.method} ${request.path}): ${text}`);
    }
    return [];
  } finally {
    await cluster[Symbol.asyncDispose]();
  }
}

async function replayWatch(recorded: WatchCase): Promise<string[] | undefined> {
  const requests = [...recorded.setup, ...recorded.script].map(({ request }) => request);
  if (![...requests, { method: 'GET', path: recorded.watch.path }].every(isOurs)) return undefined;
  const cluster = await startCluster();
  try {
    const bindings = newBindings();
    for (const { request, code, object } of recorded.setup) {
      const answer = await cluster.send(request, bindings);
      if (answer.code !== code)
        return [`setup: expected ${code}, got ${answer.code}: ${answer.text.slice(0, 300)}`];
      if (object !== undefined) differences(object, jsonOf(answer.text), bindings);
    }
    const { path, query, accept } = recorded.watch;
    const from = query['resourceVersion'] ?? '';
    if (from.startsWith('<') && !bindings.values.has(from))
      bindings.values.set(from, await startOf(cluster, recorded));
    const stream = cluster.send(
      {
        method: 'GET',
        path,
        query: { ...query, timeoutSeconds: '1' },
        ...(accept === undefined ? {} : { headers: { accept } }),
      },
      bindings,
    );
    await new Promise((resolve) => setTimeout(resolve, 100));
    for (const { request } of recorded.script) await cluster.send(request, bindings);
    const events = (await stream).text
      .split('\n')
      .filter((line) => line !== '')
      .map(jsonOf);
    const significant = (list: readonly unknown[]): unknown[] =>
      list.filter(
        (event) =>
          !isRecord(event) ||
          event['type'] !== 'BOOKMARK' ||
          JSON.stringify(event).includes('initial-events-end'),
      );
    return differences(significant(recorded.events), significant(events), bindings);
  } finally {
    await cluster[Symbol.asyncDispose]();
  }
}

interface TableCase {
  readonly now: string;
  readonly path: string;
  readonly object: KubeObject;
  readonly columns: readonly unknown[];
  readonly cells: readonly unknown[];
  readonly conditions?: readonly unknown[];
}

/** Ages may be one second off: the recording's clock was read a moment after the answer. */
function replayTable(recorded: TableCase): string[] | undefined {
  const target = parseTarget(recorded.path);
  if (target.type !== 'resource') return undefined;
  const kind = builtinRegistry.byResource(target.group, target.version, target.plural);
  if (!kind) return undefined;
  const bindings = newBindings();
  const results = [-1_000, 0, 1_000].map((offset) => {
    const nowMs = Date.parse(recorded.now) + offset;
    const table = toTable({ kind, objects: [recorded.object], metadata: {}, includeObject: 'None', nowMs });
    const row = table.rows[0];
    return [
      ...differences(recorded.columns, table.columnDefinitions, bindings),
      ...differences(recorded.cells, row?.cells, bindings),
      ...differences(recorded.conditions ?? undefined, row?.conditions, bindings),
    ];
  });
  return results.sort((a, b) => a.length - b.length)[0];
}

async function loadJson(path: string): Promise<unknown> {
  return JSON.parse(await readFile(path, 'utf8'));
}

export const NOT_SERVED = 'of a kind that is not served';

/**
 * The failures of a case in a file of its own; undefined: it speaks of something that is not
 * served.
 */
export async function replayFile(
  section: string,
  directory: string,
  entry: string,
): Promise<string[] | undefined> {
  const path = join(directory, entry);
  if (section === 'defaulting') {
    const meta = (await loadJson(join(path, 'meta.json'))) as RecordedRequest & {
      code: number;
      warning: string[];
    };
    const bodyText = await readFile(join(path, 'input.yaml'), 'utf8');
    const body = await loadJson(join(path, 'stored.json'));
    return replayRequest({
      request: { ...meta, bodyText },
      response: { code: meta.code, body, warning: meta.warning },
    });
  }
  const recorded = (await loadJson(path)) as Record<string, unknown>;
  if (section === 'tables') return replayTable(recorded as unknown as TableCase);
  if ('steps' in recorded) return replaySteps(recorded as unknown as StepsCase);
  if ('watch' in recorded) return replayWatch(recorded as unknown as WatchCase);
  if ('request' in recorded) return replayRequest(recorded as unknown as RequestCase, directory);
  return undefined;
}

/** A case that has not ended by then has failed. */
const CASE_TIMEOUT_MS = 120_000;

export async function within<T>(task: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('no end in time')), CASE_TIMEOUT_MS);
  });
  try {
    return await Promise.race([task, late]);
  } finally {
    clearTimeout(timer);
  }
}
