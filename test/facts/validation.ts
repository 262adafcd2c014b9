/**
 * Replays verdicts of Kubernetes' own validation (`validation/<kind>.jsonl`): what is sent goes
 * through the whole API, strictly decoded. Kinds that are not served are counted as left out. The
 * verdict is the code; the errors are compared besides.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isRecord, jsonEqual } from '../../src/base/json.ts';
import { keyOf, parseApiVersion } from '../../src/schemas/object.ts';
import { builtinRegistry } from '../../src/schemas/registry.ts';
import { type ResourceKind, resourceIdOf } from '../../src/schemas/resource-kind.ts';
import type { StoreOp } from '../../src/store/types.ts';
import { newBindings } from './matching.ts';
import { deliberateReason } from './differences.ts';
import {
  type Answered,
  type CaseResult,
  type Cluster,
  leftOutCase,
  NOT_SERVED,
  startCluster,
} from './replay.ts';

interface RecordedError {
  readonly type: string;
  readonly field: string;
  readonly badValue: string | null;
  readonly detail: string;
}

interface ValidationCase {
  readonly id: string;
  readonly kind: string;
  readonly op: 'create' | 'update';
  readonly subresource?: string;
  readonly object: Record<string, unknown>;
  readonly old?: Record<string, unknown>;
  readonly valid: boolean;
  readonly code: number;
  readonly errors: readonly RecordedError[];
  readonly message: string;
  readonly normalised: Readonly<Record<string, unknown>> | null;
}

const metadataOf = (object: Record<string, unknown>): Record<string, unknown> =>
  isRecord(object['metadata']) ? object['metadata'] : {};

function kindOf(object: Record<string, unknown>): ResourceKind | undefined {
  const { apiVersion, kind } = object;
  return typeof apiVersion === 'string' && typeof kind === 'string'
    ? builtinRegistry.byKind(apiVersion, kind)
    : undefined;
}

function collectionOf(kind: ResourceKind, object: Record<string, unknown>): string {
  const { group, version } = parseApiVersion(String(object['apiVersion']));
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const { namespace } = metadataOf(object);
  const where = typeof namespace === 'string' && namespace !== '' ? namespace : 'default';
  return kind.namespaced
    ? `${root}/namespaces/${encodeURIComponent(where)}/${kind.plural}`
    : `${root}/${kind.plural}`;
}

const body = (answer: Answered): Record<string, unknown> => {
  const parsed: unknown = JSON.parse(answer.text);
  return isRecord(parsed) ? parsed : {};
};

/** Admission adds these to a new pod. It adds tolerations at updates too. */
const ADMITTED = ['serviceAccountName', 'serviceAccount', 'priority', 'preemptionPolicy'];

/**
 * The recordings know no admission: what it gave the pod is sent again, where the case says nothing
 * of it.
 */
function withAdmitted(
  object: Record<string, unknown>,
  old: Record<string, unknown>,
  stored: Record<string, unknown>,
): Record<string, unknown> {
  const [next, before, after] = [object, old, stored].map(({ spec }) => (isRecord(spec) ? spec : {}));
  const given = ADMITTED.filter((field) => before?.[field] === undefined && next?.[field] === undefined);
  return {
    ...object,
    spec: { ...next, ...Object.fromEntries(given.map((field) => [field, after?.[field]])) },
  };
}

/** A token would give every pod a volume that the recordings know nothing of. */
async function withoutTokens({ test }: Cluster): Promise<void> {
  const account = builtinRegistry.byKind('v1', 'ServiceAccount');
  if (!account) return;
  const current = await test.objects.get(account, 'default/default');
  await test.objects.update({ ...current, automountServiceAccountToken: false });
}

/** Nor does a class stand in the way of a claim that grows. */
async function withClass({ test }: Cluster, { spec }: Record<string, unknown>): Promise<void> {
  const name = isRecord(spec) ? spec['storageClassName'] : undefined;
  if (typeof name !== 'string' || name === '') return;
  const object = { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name } };
  await test.objects.create({ ...object, provisioner: 'example.test/p', allowVolumeExpansion: true });
}

async function answerTo(cluster: Cluster, recorded: ValidationCase, kind: ResourceKind): Promise<Answered> {
  const send = (method: string, path: string, object: unknown): Promise<Answered> =>
    cluster.send(
      { method, path, query: 'fieldValidation=Strict', contentType: 'application/json', body: object },
      newBindings(),
    );
  const { object, old } = recorded;
  if (old === undefined) return send('POST', collectionOf(kind, object), object);
  const created = await send('POST', collectionOf(kind, old), old);
  if (created.code !== 201) return { ...created, code: -created.code };
  if (kind.kind === 'PersistentVolumeClaim') await withClass(cluster, old);
  let stored = body(created);
  const own = `${collectionOf(kind, old)}/${String(metadataOf(stored)['name'])}`;
  if (old['status'] !== undefined) {
    const written = await send('PUT', `${own}/status`, { ...stored, status: old['status'] });
    if (written.code !== 200) return { ...written, code: -written.code };
    stored = body(written);
  }
  const { uid, resourceVersion } = metadataOf(stored);
  const next = {
    ...(kind.kind === 'Pod' ? withAdmitted(object, old, stored) : object),
    metadata: { ...metadataOf(object), uid, resourceVersion },
  };
  return send('PUT', recorded.subresource ? `${own}/${recorded.subresource}` : own, next);
}

const pairs = (errors: readonly { type: string; field: string }[]): string[] =>
  [...new Set(errors.map(({ type, field }) => `${type} ${field}`))].sort();

function causesOf(answer: Answered): { type: string; field: string }[] {
  const { details } = body(answer);
  const causes = isRecord(details) && Array.isArray(details['causes']) ? details['causes'] : [];
  return causes.map((cause: { reason?: string; field?: string }) => ({
    type: cause.reason ?? '',
    field: cause.field ?? '',
  }));
}

/** The stored value at a recorded path such as `spec.ports[0].targetPort`. */
function valueAt(object: unknown, path: string): unknown {
  const parts = path.match(/\['[^']*'\]|\[\d+\]|[^.[\]]+/g) ?? [];
  let value = object;
  for (const part of parts) {
    const key = part.startsWith('[') ? part.slice(1, -1).replaceAll("'", '') : part;
    if (Array.isArray(value)) value = value[Number(key)];
    else if (isRecord(value)) value = value[key];
    else return undefined;
  }
  return value;
}

/** Nobody can make this namespace, so the request ends before the object is looked at. */
const inImpossibleNamespace = ({ object }: ValidationCase, { code }: Answered): boolean => {
  const { namespace } = metadataOf(object);
  return code === 404 && typeof namespace === 'string' && !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(namespace);
};

function compare(recorded: ValidationCase, answer: Answered): string[] {
  if (inImpossibleNamespace(recorded, answer)) return [];
  if (recorded.code !== answer.code)
    return [
      `expected ${recorded.code} ${recorded.message.slice(0, 400)}, got ${answer.code} ${answer.text.slice(0, 600)}`,
    ];
  if (recorded.code === 422) {
    const wanted = pairs(recorded.errors);
    const got = pairs(causesOf(answer));
    return jsonEqual(wanted, got) ? [] : [`errors: expected ${wanted.join('; ')}, got ${got.join('; ')}`];
  }
  if (!recorded.valid) return [];
  return Object.entries(recorded.normalised ?? {}).flatMap(([path, wanted]) => {
    const got = valueAt(body(answer), path) ?? null;
    const placeholder = typeof wanted === 'string' && /^<(uid|time)>$|abcde$/.test(wanted);
    return placeholder || jsonEqual(wanted, got)
      ? []
      : [`stored ${path}: expected ${JSON.stringify(wanted)}, got ${JSON.stringify(got)}`];
  });
}

async function replayCase(cluster: Cluster, recorded: ValidationCase): Promise<CaseResult> {
  const { id: name } = recorded;
  const deliberate = deliberateReason('validation', name);
  if (deliberate !== undefined) return leftOutCase(name, deliberate);
  const kind =
    kindOf(recorded.old ?? recorded.object) ?? builtinRegistry.kinds.find((k) => k.kind === recorded.kind);
  if (!kind) return leftOutCase(name, NOT_SERVED);
  try {
    const answer = await answerTo(cluster, recorded, kind);
    return { name, verdict: answer.code < 400 === recorded.valid, failures: compare(recorded, answer) };
  } catch (error) {
    return { name, verdict: false, failures: [`failed: ${String(error)}`] };
  }
}

/** Versions of all that is stored. */
async function stored({ test }: Cluster): Promise<ReadonlyMap<string, string>> {
  const versions = new Map<string, string>();
  for (const kind of builtinRegistry.stored)
    for (const { metadata } of (await test.store.list(resourceIdOf(kind))).objects)
      versions.set(metadata.uid ?? '', metadata.resourceVersion ?? '');
  return versions;
}

/** Takes away what the last case made, without the ways of the API. */
async function sweep({ test }: Cluster, kept: ReadonlyMap<string, string>): Promise<void> {
  const ops: StoreOp[] = [];
  for (const kind of builtinRegistry.stored) {
    const resource = resourceIdOf(kind);
    for (const object of (await test.store.list(resource)).objects)
      if (!kept.has(object.metadata.uid ?? ''))
        ops.push({
          type: 'delete',
          resource,
          key: keyOf(object),
          expectedVersion: object.metadata.resourceVersion ?? '',
        });
  }
  if (ops.length > 0) await test.store.commit(ops);
}

/** Namespaces that the cases use. */
const NAMESPACES = ['default', 'other', 'x'];

/** `only`: files whose name it matches. */
export async function replayValidation(directory: string, only = /\.jsonl$/): Promise<readonly CaseResult[]> {
  const results: CaseResult[] = [];
  await using cluster = await startCluster(NAMESPACES);
  await withoutTokens(cluster);
  const before = await stored(cluster);
  const files = (await readdir(directory))
    .filter((name) => name.endsWith('.jsonl') && only.test(name))
    .sort();
  for (const file of files)
    for (const line of (await readFile(join(directory, file), 'utf8')).split('\n'))
      if (line !== '') {
        results.push(await replayCase(cluster, JSON.parse(line) as ValidationCase));
        await sweep(cluster, before);
      }
  return results;
}
