/**
 * The authorisation table: every route × everybody. What is expected stands in
 * authorisation-table.txt (written by `UPDATE_GOLDEN=1`, read by people); the laws below hold
 * whatever that file says. A resource that is added to the system shows up here by itself, and
 * fails until somebody has said who may do what with it.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer } from '../../api/test-server.ts';
import { type Actor, type AuthorisationCluster, startAuthorisationCluster } from './authorisation-cluster.ts';
import { authorisationTable, type Cell, type Row, tableText } from './authorisation-table.ts';

const golden = join(import.meta.dirname, 'authorisation-table.txt');

let cluster: AuthorisationCluster;
let rows: readonly Row[];
let cells: readonly Cell[];

beforeAll(async () => {
  cluster = await startAuthorisationCluster();
  rows = await authorisationTable(cluster);
  cells = rows.flatMap((row) => row.cells);
});
afterAll(() => cluster[Symbol.asyncDispose]());

/** The requests that pass for an actor, as `METHOD path`. */
const passes = (actor: Actor, among: readonly Cell[] = cells): readonly string[] =>
  among
    .filter(({ verdicts }) => verdicts[actor] === 'yes')
    .map(({ letter, method, path }) => `${letter} ${method} ${path}`);

const PUBLIC = /\/(livez|readyz|healthz|version|webhooks\/github)$/;
const REVIEWS = /\/(selfsubjectaccessreviews|selfsubjectrulesreviews|selfsubjectreviews)$/;

describe('the authorisation table', () => {
  it('is as the file says', async () => {
    const text = `${tableText(rows)}\n`;
    if (process.env['UPDATE_GOLDEN'] !== undefined) await writeFile(golden, text);
    expect(text).toBe(await readFile(golden, 'utf8'));
  });

  it('has a row for everything that a server lists in discovery', async () => {
    await using started = await startTestServer();
    const { code, stdout } = await started.kubectl(['api-resources', '--no-headers', '-o', 'name']);
    expect(code).toBe(0);
    const labels = new Set(rows.map((row) => row.label.replace(/ \(.*\)$/, '')));
    const listed = stdout.trim().split('\n');
    expect(listed.length).toBeGreaterThan(30);
    expect(listed.filter((name) => !labels.has(name))).toEqual([]);
  });

  it('holds hundreds of requests', () => expect(cells.length).toBeGreaterThan(400));
});

describe('whatever the file says', () => {
  it('without a name one sees health and the version, and is told to give one elsewhere', () => {
    for (const { path, verdicts } of cells)
      expect([path, verdicts.anonymous]).toEqual([path, PUBLIC.test(path) ? 'yes' : 401]);
  });

  it('an administrator passes everywhere', () => {
    expect(cells.filter(({ verdicts }) => verdicts.master !== 'yes')).toEqual([]);
  });

  it('one node reads the Node of the other, and nothing else', () => {
    const own = rows.filter(({ isOwned }) => isOwned).flatMap((row) => row.cells);
    expect(passes('node', own).length).toBeGreaterThan(20);
    expect(passes('other node', own)).toEqual([
      'l GET /api/v1/nodes?fieldSelector=metadata.name%3Dn1',
      'w GET /api/v1/nodes?watch=true&fieldSelector=metadata.name%3Dn1',
    ]);
  });

  it('elsewhere, nodes are equal', () => {
    const common = rows.filter(({ isOwned }) => !isOwned).flatMap((row) => row.cells);
    expect(passes('other node', common)).toEqual(passes('node', common));
  });

  it('a service account to which nothing is bound asks about itself and reads discovery', () => {
    const resources = cells.filter(({ path }) => /^\/apis?\/.*\/.*\//.test(path));
    expect(passes('account', resources).every((text) => text.startsWith('c ') && REVIEWS.test(text))).toBe(
      true,
    );
  });

  it('who may do more may do everything that who may do less may', () => {
    const ranks: readonly Actor[] = ['viewer', 'editor', 'admin', 'master'];
    for (const [index, actor] of ranks.slice(1).entries())
      expect(passes(actor)).toEqual(expect.arrayContaining([...passes(ranks[index] ?? 'viewer')]));
  });

  it('a write that creates needs the verb create, besides the one of its method', () => {
    const creating = rows.flatMap((row) =>
      row.cells.filter(({ letter }) => letter === 'a' || letter === 'n').map((cell) => ({ row, cell })),
    );
    expect(creating.length).toBeGreaterThan(35);
    for (const { row, cell } of creating) {
      const needed = row.cells.filter(({ letter }) =>
        ['c', cell.letter === 'a' ? 'p' : 'u'].includes(letter),
      );
      expect(needed).toHaveLength(2);
      for (const [actor, verdict] of Object.entries(cell.verdicts))
        if (verdict === 'yes')
          expect(needed.map(({ verdicts }) => verdicts[actor as Actor])).toEqual(['yes', 'yes']);
    }
  });

  it('one who may change everything and create nothing creates nothing', () => {
    expect(passes('changer').filter((text) => /^[can] /.test(text) && !REVIEWS.test(text))).toEqual([]);
    expect(passes('changer').filter((text) => /^[up] /.test(text)).length).toBeGreaterThan(40);
  });

  it('no default role writes Applications: in symphony-system that is the cluster', () => {
    for (const actor of ['node', 'account', 'viewer', 'editor', 'admin'] as const)
      expect(passes(actor).filter((text) => text.includes('/applications'))).toEqual([]);
  });

  it('a viewer changes nothing, and sees no secret', () => {
    for (const text of passes('viewer')) {
      const [letter = '', , path = ''] = text.split(' ');
      expect(['g', 'l', 'w'].includes(letter) || REVIEWS.test(path)).toBe(true);
      expect(path).not.toMatch(/\/(secrets|exec|attach|portforward|proxy|token)\b/);
    }
  });

  it('an editor gives nobody a right, and an admin only within the namespace', () => {
    const rbac = (actor: Actor): readonly string[] =>
      passes(actor).filter((text) => text.includes('rbac.authorization.k8s.io'));
    expect(rbac('editor')).toEqual([]);
    expect(rbac('admin').every((text) => text.includes('/namespaces/shop/'))).toBe(true);
    expect(rbac('admin')).not.toEqual([]);
  });

  it('whoever may do something in one namespace may do nothing of it in another', async () => {
    const elsewhere = (await authorisationTable(cluster, 'other'))
      .filter(({ isOwned }) => !isOwned)
      .flatMap((row) => row.cells);
    for (const actor of ['viewer', 'editor', 'admin'] as const) {
      const there = passes(actor, elsewhere).filter((text) => text.includes('/namespaces/other/'));
      expect(there).toEqual([]);
      expect(passes(actor, elsewhere).filter((text) => !REVIEWS.test(text))).toEqual(
        passes('account', elsewhere).filter(
          (text) => !REVIEWS.test(text) && !/\/(jwks|openid-configuration)$/.test(text),
        ),
      );
    }
  });
});
