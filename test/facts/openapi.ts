/**
 * Replays recorded OpenAPI documents: every path of a resource that is served here, and every
 * schema that is in both, says what upstream's says. Texts are not compared (the recording has
 * none), parameters in any order.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isRecord } from '../../src/base/json.ts';
import { deliberateReason } from './differences.ts';
import { differences, newBindings } from './matching.ts';
import { type CaseResult, type Cluster, leftOutCase, NOT_SERVED } from './replay.ts';

type Json = Readonly<Record<string, unknown>>;

/** A selector of an alpha feature (sharded lists) that is not here. */
const ABSENT_PARAMETER = 'shardSelector';

export async function replayOpenApi(directory: string, cluster: Cluster): Promise<readonly CaseResult[]> {
  const results: CaseResult[] = [];
  for (const entry of (await readdir(join(directory, 'v3'))).sort()) {
    const name = entry.replace(/\.json$/, '');
    const path = `/openapi/v3/${name.replaceAll('_', '/')}`;
    const answer = await cluster.send({ method: 'GET', path }, newBindings());
    const recorded = JSON.parse(await readFile(join(directory, 'v3', entry), 'utf8')) as Json;
    const answered = answer.code === 200 ? (JSON.parse(answer.text) as Json) : {};
    results.push(...compareParts(name, pathsOf(recorded), servedPaths(answered, pathsOf(recorded))));
    results.push(...compareParts(name, schemasOf(recorded), both(schemasOf(answered), schemasOf(recorded))));
  }
  return results.map((result) => {
    const deliberate = deliberateReason('openapi', result.name);
    return deliberate === undefined ? result : leftOutCase(result.name, deliberate);
  });
}

const member = (of: unknown, key: string): Json => {
  const found = isRecord(of) ? of[key] : undefined;
  return isRecord(found) ? found : {};
};
const pathsOf = (document: Json): Json => member(document, 'paths');
const schemasOf = (document: Json): Json => member(member(document, 'components'), 'schemas');

const both = (answered: Json, recorded: Json): Json =>
  Object.fromEntries(Object.entries(answered).filter(([name]) => Object.hasOwn(recorded, name)));

/**
 * The resource of a path: `deployments` of
 * `/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale`.
 */
function resourceOf(path: string): string {
  const parts = path
    .replace('/watch/', '/')
    .split('/')
    .slice(path.startsWith('/api/') ? 3 : 4);
  return (parts[0] === 'namespaces' && parts[1] === '{namespace}' ? parts[2] : parts[0]) ?? '';
}

/** Our paths, and an empty place for each recorded one of a resource that we serve. */
function servedPaths(answered: Json, recorded: Json): Json {
  const served = new Set(Object.keys(pathsOf(answered)).map(resourceOf));
  const expected = Object.keys(recorded).filter((path) => served.has(resourceOf(path)));
  const empty = Object.fromEntries(expected.map((path) => [path, {}]));
  return { ...empty, ...pathsOf(answered) };
}

function compareParts(document: string, recorded: Json, answered: Json): readonly CaseResult[] {
  const absent = Object.keys(recorded).filter((name) => !Object.hasOwn(answered, name));
  return [
    ...Object.entries(answered).map(([name, part]) => ({
      name: `${document} ${name}`,
      failures: Object.hasOwn(recorded, name)
        ? differences(comparable(recorded[name]), comparable(part), newBindings())
        : ['described here, not by upstream'],
    })),
    ...absent.map((name) => leftOutCase(`${document} ${name}`, NOT_SERVED)),
  ];
}

/** Without texts and what is not here; parameters by name. */
function comparable(node: unknown): unknown {
  if (Array.isArray(node)) {
    const items = node.map(comparable);
    return items.every((item) => isRecord(item) && 'in' in item && 'name' in item)
      ? items.map((item) => item as Json).filter(({ name }) => name !== ABSENT_PARAMETER)
      : items;
  }
  if (!isRecord(node)) return node;
  const kept = Object.entries(node).filter(
    ([name, value]) => name !== 'description' || typeof value !== 'string',
  );
  return Object.fromEntries(kept.map(([name, value]) => [name, comparable(value)]));
}
