/**
 * Every route of the API, found by trying: whatever the door does not answer with 404 or 405 is
 * one. A row is what can be asked of one resource in one place; its cells say, actor by actor,
 * which of the row's requests pass.
 */
import { SYMPHONY_GROUP } from '../../../src/api/http/methods.ts';
import { resourceIdOf } from '../../../src/schemas/resource-kind.ts';
import {
  type Actor,
  type AuthorisationCluster,
  actors,
  type Creates,
  owned,
  type Verdict,
} from './authorisation-cluster.ts';

export interface Cell {
  readonly letter: string;
  readonly method: string;
  readonly path: string;
  readonly verdicts: Readonly<Record<Actor, Verdict>>;
}

export interface Row {
  readonly label: string;
  /** About an object of the first node. */
  readonly isOwned: boolean;
  readonly cells: readonly Cell[];
}

interface Ask {
  readonly letter: string;
  readonly method: string;
  readonly path: string;
  readonly creates?: Creates;
}

const OBJECT_ASKS = { g: 'GET', u: 'PUT', p: 'PATCH', d: 'DELETE' } as const;
const COLLECTION_ASKS = { l: 'GET', w: 'GET', c: 'POST', x: 'DELETE' } as const;
/**
 * get, list, watch, create, update, patch, delete, delete the collection; server-side apply that
 * creates, and PUT that creates where the kind has it.
 */
const ORDER = ['g', 'l', 'w', 'c', 'u', 'p', 'd', 'x', 'a', 'n'] as const;

const OTHER_PATHS = [
  '/',
  '/.well-known/openid-configuration',
  '/api',
  '/api/v1',
  '/apis',
  '/apis/apps',
  '/apis/nothing/v1',
  '/debug/pprof',
  '/healthz',
  '/livez',
  '/logs',
  '/metrics',
  '/openapi/v2',
  '/openapi/v3',
  '/openid/v1/jwks',
  '/readyz',
  '/readyz/store',
  '/version',
  '/webhooks/github',
];

export async function authorisationTable(
  cluster: AuthorisationCluster,
  place = 'shop',
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  const add = async (label: string, asks: readonly Ask[], isOwned = false): Promise<void> => {
    const cells = (await Promise.all(asks.map((ask) => askEverybody(cluster, ask)))).filter(
      ({ verdicts }) => verdicts.master !== 'no route',
    );
    if (cells.length > 0) rows.push({ label, isOwned, cells });
  };
  const served = [...cluster.served].sort((a, b) => (label(a) < label(b) ? -1 : 1));
  for (const resource of served) {
    const { group, version, plural, namespaced, subresources } = resource;
    const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
    const at = (namespace: string | undefined): string =>
      `${root}${namespaced && namespace !== undefined ? `/namespaces/${namespace}` : ''}/${plural}`;
    const name = label(resource);
    // A namespace is in itself.
    const object = resourceIdOf(resource) === 'namespaces' ? place : 'some';
    await add(name, asksOf(at(place), object));
    if (namespaced) await add(`${name} everywhere`, collectionAsks(at(undefined)));
    for (const subresource of subresources)
      await add(`${name}/${subresource}`, subAsks(at(place), object, subresource));
    const own = owned[resourceIdOf(resource)];
    if (!own || group === 'metrics.k8s.io') continue;
    await add(`${name} of n1`, ownAsks(at(own.namespace), at(undefined), plural, own.name), true);
    for (const subresource of subresources)
      await add(`${name}/${subresource} of n1`, subAsks(at(own.namespace), own.name, subresource), true);
  }
  const ours = `/apis/${SYMPHONY_GROUP}/v1`;
  await add(`clusterstate.${SYMPHONY_GROUP}`, [{ letter: 'g', method: 'GET', path: `${ours}/clusterstate` }]);
  for (const [name, method] of [
    ['restore', 'POST'],
    ['tunnel', 'GET'],
  ] as const)
    await add(
      `nodes.${SYMPHONY_GROUP}/${name} of n1`,
      [{ letter: 'c', method, path: `${ours}/nodes/n1/${name}` }],
      true,
    );
  for (const path of OTHER_PATHS) await add(path, [{ letter: 'g', method: 'GET', path }]);
  return rows;
}

const label = (resource: {
  readonly group: string;
  readonly plural: string;
  readonly version: string;
}): string =>
  resource.version === 'v1' ? resourceIdOf(resource) : `${resourceIdOf(resource)} (${resource.version})`;

function objectAsks(path: string): readonly Ask[] {
  return Object.entries(OBJECT_ASKS).map(([letter, method]) => ({ letter, method, path }));
}

const collectionAsks = (collection: string): readonly Ask[] =>
  Object.entries(COLLECTION_ASKS).map(([letter, method]) => ({
    letter,
    method,
    path: letter === 'w' ? `${collection}?watch=true` : collection,
  }));

const asksOf = (collection: string, name: string): readonly Ask[] => [
  ...collectionAsks(collection),
  ...objectAsks(`${collection}/${name}`),
  { letter: 'a', method: 'PATCH', path: `${collection}/${FRESH}`, creates: 'apply' },
  { letter: 'n', method: 'PUT', path: `${collection}/${FRESH}`, creates: 'put' },
];

/** The name of no object. */
const FRESH = 'fresh';

const subAsks = (collection: string, name: string, subresource: string): readonly Ask[] => {
  const path = `${collection}/${name}/${subresource}`;
  return [...objectAsks(path), { letter: 'c', method: 'POST', path }];
};

/** One object, and lists that are confined to what is the node's. */
function ownAsks(collection: string, everywhere: string, plural: string, name: string): readonly Ask[] {
  const [list, term] =
    plural === 'pods' ? [everywhere, 'spec.nodeName=n1'] : [collection, `metadata.name=${name}`];
  const query = `fieldSelector=${encodeURIComponent(term)}`;
  return [
    ...objectAsks(`${collection}/${name}`),
    { letter: 'l', method: 'GET', path: `${list}?${query}` },
    { letter: 'w', method: 'GET', path: `${list}?watch=true&${query}` },
  ];
}

async function askEverybody(cluster: AuthorisationCluster, ask: Ask): Promise<Cell> {
  const { letter, method, path, creates } = ask;
  const verdicts: Partial<Record<Actor, Verdict>> = {};
  for (const actor of Object.keys(actors) as Actor[])
    verdicts[actor] = await cluster.ask(actor, method, path, creates);
  return { letter, method, path, verdicts: verdicts as Record<Actor, Verdict> };
}

/** Which of a row's requests pass, as letters in a fixed order; a dash for each that does not. */
export function letters({ cells }: Row, actor: Actor): string {
  return ORDER.flatMap((letter) => cells.filter((cell) => cell.letter === letter))
    .map(({ letter, verdicts }) => (verdicts[actor] === 'yes' ? letter : '-'))
    .join('');
}

/** Everybody but the master, who may everything. */
const COLUMNS = Object.keys(actors).filter((actor): actor is Actor => actor !== 'master');

export function tableText(rows: readonly Row[]): string {
  const lines = [
    ['', ...COLUMNS],
    ...rows.map((row) => [row.label, ...COLUMNS.map((actor) => letters(row, actor))]),
  ];
  const widths =
    lines[0]?.map((_cell, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? [];
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
