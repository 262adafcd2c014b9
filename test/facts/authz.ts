/**
 * Replays what is recorded of authorisation on a cluster with the default policy: the roles and
 * bindings as they are served, and the answers to reviews. The order of rules is not upstream's
 * word: it follows from the order of a hash map there.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureDefaultPolicy } from '../../src/resources/authz/ensure-default-policy.ts';
import { isRecord } from '../../src/base/json.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { planAggregation } from '../../src/controllers/cluster-role-aggregation/plan-aggregation.ts';
import type { KubeObject } from '../../src/schemas/object.ts';
import type { ClusterRole } from '../../src/schemas/rbac.ts';
import { deliberateReason } from './differences.ts';
import { type Bindings, differences, newBindings } from './matching.ts';
import { type CaseResult, leftOutCase, type RecordedRequest, type RecordedResponse } from './replay.ts';
import type { TestCore } from '../api/test-api.ts';

export interface AuthzCluster {
  readonly test: TestCore;
  send(
    request: RecordedRequest,
    bindings: Bindings,
  ): Promise<{ readonly code: number; readonly text: string }>;
}

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const FILES = ['clusterroles', 'clusterrolebindings', 'roles', 'rolebindings'] as const;
/** A rule of the vendor whose build was recorded. */
const VENDOR_PATH = '/.well-known/*';

export async function replayAuthz(directory: string, cluster: AuthzCluster): Promise<readonly CaseResult[]> {
  const { store, objects } = cluster.test;
  await ensureDefaultPolicy({ store, writer: objects, logger: silentLogger });
  await aggregate(cluster.test);
  const results: CaseResult[] = [];
  for (const plural of FILES)
    for (const object of (await load(join(directory, `${plural}.json`))) as KubeObject[])
      results.push(await replayObject(cluster, plural, object));
  const reviews = (await load(join(directory, 'access-reviews.json'))) as readonly Review[];
  for (const [index, review] of reviews.entries()) {
    const name = `access-reviews/${index + 1}`;
    const deliberate = deliberateReason('authz', name);
    results.push(
      deliberate === undefined
        ? { name, failures: await replayReview(cluster, review) }
        : leftOutCase(name, deliberate),
    );
  }
  return results;
}

async function load(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return [];
  }
}

/** Runs the controller until nothing is left to do. */
async function aggregate({ store, objects }: TestCore): Promise<void> {
  for (let changed = true; changed; ) {
    const roles = (await store.list('clusterroles.rbac.authorization.k8s.io')).objects as ClusterRole[];
    const next = roles.flatMap((role) => planAggregation(role, roles) ?? []);
    for (const role of next) await objects.update(role);
    changed = next.length > 0;
  }
}

async function replayObject(
  cluster: AuthzCluster,
  plural: string,
  recorded: KubeObject,
): Promise<CaseResult> {
  const { name, namespace } = recorded.metadata;
  const place = namespace === undefined ? '' : `/namespaces/${namespace}`;
  const path = `${RBAC}${place}/${plural}/${encodeURIComponent(name)}`;
  const answer = await cluster.send({ method: 'GET', path }, newBindings());
  const found: unknown = JSON.parse(answer.text);
  const stored = isRecord(found) ? found : {};
  const { labels, annotations } = isRecord(stored['metadata']) ? stored['metadata'] : {};
  const { rules, aggregationRule, subjects, roleRef } = stored;
  const shown = { rules, aggregationRule, subjects, roleRef };
  const metadata = { name, ...(namespace ? { namespace } : {}), labels, annotations };
  const present = Object.fromEntries(Object.entries(shown).filter(([, value]) => value !== undefined));
  const failures =
    answer.code === 200 ? compare(recorded, { ...present, metadata }) : [`code ${answer.code}`];
  return { name: `${plural}/${namespace ? `${namespace}/` : ''}${name}`, failures };
}

interface Review {
  readonly request: RecordedRequest;
  readonly response: RecordedResponse;
}

async function replayReview(
  cluster: AuthzCluster,
  { request, response }: Review,
): Promise<readonly string[]> {
  const answer = await cluster.send(request, newBindings());
  if (answer.code !== response.code) return [`code: expected ${response.code}, got ${answer.code}`];
  return compare(response.body, JSON.parse(answer.text));
}

function compare(expected: unknown, actual: unknown): readonly string[] {
  return differences(sorted(expected), sorted(actual), newBindings());
}

function sorted(value: unknown): unknown {
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => {
      if (key === 'status') return [key, sorted(member)];
      if (!/rules$/i.test(key) || !Array.isArray(member)) return [key, member];
      const texts = member.map((rule) => JSON.stringify(rule, Object.keys(rule as object).sort()));
      return [key, texts.filter((text) => !text.includes(VENDOR_PATH)).sort()];
    }),
  );
}
