/**
 * Replays recorded discovery: of every resource that is served here, each document says what
 * upstream's says. Resources that are not served are left out of the comparison; a subresource of
 * one that is served is not.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isRecord } from '../../src/base/json.ts';
import { differences, newBindings } from './matching.ts';
import { type CaseResult, type Cluster, leftOutCase, NOT_SERVED } from './replay.ts';

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** Groups that Kubernetes itself does not serve. */
const OURS = ['argoproj.io', 'gateway.networking.k8s.io', 'symphony.dev'];

type Json = Record<string, unknown>;

export async function replayDiscovery(directory: string, cluster: Cluster): Promise<readonly CaseResult[]> {
  const results: CaseResult[] = [];
  const load = async (name: string): Promise<Json> =>
    JSON.parse(await readFile(join(directory, name), 'utf8')) as Json;
  for (const entry of await readdir(join(directory, 'resources'))) {
    const path = `/${entry.replace(/\.json$/, '').replaceAll('_', '/')}`;
    const answered = await ask(cluster, path);
    const recorded = await load(join('resources', entry));
    results.push(
      answered === undefined
        ? leftOutCase(`resources/${entry}`, NOT_SERVED)
        : { name: `resources/${entry}`, failures: compareResources(recorded, answered) },
    );
  }
  for (const entry of await readdir(join(directory, 'groups'))) {
    const answered = await ask(cluster, `/apis/${entry.replace(/\.json$/, '')}`);
    const recorded = await load(join('groups', entry));
    results.push(
      answered === undefined
        ? leftOutCase(`groups/${entry}`, NOT_SERVED)
        : { name: `groups/${entry}`, failures: compareVersions(recorded, answered) },
    );
  }
  for (const [entry, path] of [['api.v2.json', '/api'] as const, ['apis.v2.json', '/apis'] as const]) {
    const recorded = await load(entry);
    results.push({
      name: entry,
      failures: compareAggregated(recorded, (await ask(cluster, path, AGGREGATED)) ?? {}),
    });
  }
  return results;
}

async function ask(cluster: Cluster, path: string, accept?: string): Promise<Json | undefined> {
  const headers = accept === undefined ? {} : { headers: { accept } };
  const answer = await cluster.send({ method: 'GET', path, ...headers }, newBindings());
  return answer.code === 200 ? (JSON.parse(answer.text) as Json) : undefined;
}

function compareResources(recorded: Json, answered: Json): string[] {
  const wanted = byName(recorded['resources'], 'name');
  const served = byName(answered['resources'], 'name');
  return [...new Set([...wanted.keys(), ...served.keys()])]
    .filter((name) => served.has(name.split('/')[0] ?? ''))
    .flatMap((name) => compareOne(name, wanted.get(name), served.get(name)));
}

function compareVersions(recorded: Json, answered: Json): string[] {
  const wanted = byName(recorded['versions'], 'version');
  const served = byName(answered['versions'], 'version');
  return [...served].flatMap(([name, version]) => compareOne(name, wanted.get(name), version));
}

function compareAggregated(recorded: Json, answered: Json): string[] {
  const wanted = aggregatedResources(recorded);
  return [...aggregatedResources(answered)]
    .filter(([name]) => !OURS.some((group) => name.startsWith(`${group}/`)))
    .flatMap(([name, resource]) => compareOne(name, wanted.get(name), resource));
}

function aggregatedResources(document: Json): ReadonlyMap<string, Json> {
  const groups = (document['items'] ?? []) as readonly Json[];
  return new Map(
    groups.flatMap((group) => {
      const metadata = group['metadata'] as Json;
      return (group['versions'] as readonly Json[]).flatMap((version) =>
        [...byName(version['resources'], 'resource')].map(
          ([name, resource]) =>
            [`${nameOf(metadata)}/${String(version['version'])}/${name}`, resource] as const,
        ),
      );
    }),
  );
}

const nameOf = ({ name }: Json): string => (typeof name === 'string' ? name : '');

function byName(list: unknown, key: string): ReadonlyMap<string, Json> {
  const entries = Array.isArray(list) ? list.filter(isRecord) : [];
  return new Map(entries.map((entry) => [String(entry[key]), entry]));
}

function compareOne(name: string, wanted: Json | undefined, served: Json | undefined): string[] {
  if (!wanted) return [`${name}: served here, not by upstream`];
  if (!served) return [`${name}: not served`];
  return differences(comparable(wanted), comparable(served), newBindings()).map((text) => `${name}: ${text}`);
}

/** Upstream still stores these in an older form. */
const STORED_OTHERWISE = 'customresourcedefinitions';

function comparable(entry: Json): Json {
  const { subresources, ...all } = entry;
  const rest = entry['name'] === STORED_OTHERWISE ? { ...all, storageVersionHash: undefined } : all;
  if (subresources === undefined) return rest;
  return { ...rest, subresources: [...byName(subresources, 'subresource').values()] };
}
