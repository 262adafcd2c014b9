/**
 * A kind is one folder and its name in the registry (docs/checklists.md). This adds one to a copy
 * of the sources, builds the copy's schemas, and uses the kind over HTTPS.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..');
const COPIED = [
  'src',
  'scripts',
  'package.json',
  'tsconfig.json',
  'test/api',
  'test/doubles',
  'test/support',
];

const SCHEMA = {
  'com.example.v1.Toy': {
    description: 'A Toy is played with.',
    type: 'object',
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { $ref: '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' },
      spec: {
        type: 'object',
        required: ['colour'],
        properties: {
          colour: { type: 'string' },
          wheels: { type: 'integer', format: 'int32' },
          motor: { type: 'string' },
          parts: {
            type: 'array',
            items: {
              type: 'object',
              properties: { name: { type: 'string' }, weight: { type: 'integer', format: 'int32' } },
            },
            'x-kubernetes-list-type': 'map',
            'x-kubernetes-list-map-keys': ['name'],
          },
        },
      },
      status: { type: 'object', properties: { broken: { type: 'boolean' } } },
    },
    'x-kubernetes-group-version-kind': [{ group: 'example.com', kind: 'Toy', version: 'v1' }],
  },
};

const KIND = `
import { fill, part } from '../../defaults/draft.ts';
import { asNumber, getPath } from '../../json-access.ts';
import { refused } from '../../profile/rules.ts';
import { AGE, column, NAME, tableOf } from '../../tables/columns.ts';
import { nonNegative } from '../../validation/numbers.ts';
import { textFields } from '../../values/field-selectors.ts';
import { defineKind } from '../define-kind.ts';

export const toyKind = defineKind({
  group: 'example.com',
  kind: 'Toy',
  plural: 'toys',
  shortNames: ['ty'],
  subresources: ['status'],
  applyOrder: 150,
  countsGeneration: true,
  ttlMs: 3_600_000,
  defaultRoles: 'edit',
  table: tableOf(
    NAME,
    column('Colour', 'spec.colour'),
    column('Wheels', (toy) => asNumber(getPath(toy, 'spec', 'wheels')) ?? 0, { type: 'integer' }),
    AGE,
  ),
  selectable: textFields('spec.colour'),
  fields: [refused('spec.motor', 'push it')],
  fillDefaults: (draft) => fill(part(draft, 'spec'), { wheels: 4 }),
  initialStatus: () => ({ broken: false }),
  validate: (toy) => nonNegative(getPath(toy, 'spec', 'wheels'), 'spec.wheels'),
});
`;

/** Differs from the toy: cluster-scoped, with pods, without a status, a field that never changes. */
const FLEET_SCHEMA = {
  'com.example.v1.Fleet': {
    type: 'object',
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { $ref: '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' },
      spec: {
        type: 'object',
        properties: {
          line: { type: 'string' },
          template: { $ref: '#/components/schemas/io.k8s.api.core.v1.PodTemplateSpec' },
        },
      },
    },
    'x-kubernetes-group-version-kind': [{ group: 'example.com', kind: 'Fleet', version: 'v1' }],
  },
};

const FLEET_KIND = `
import { part } from '../../defaults/draft.ts';
import { defaultTemplate } from '../../defaults/workloads.ts';
import { asRecord, getPath } from '../../json-access.ts';
import { immutable } from '../../validation/metadata.ts';
import { validateTemplate } from '../../validation/workloads.ts';
import { defineKind } from '../define-kind.ts';

export const fleetKind = defineKind({
  group: 'example.com',
  kind: 'Fleet',
  shortNames: ['po'],
  namespaced: false,
  applyOrder: 151,
  countsGeneration: true,
  fillDefaults: (draft) => defaultTemplate(part(draft, 'spec')),
  validate: (fleet) => validateTemplate(asRecord(getPath(fleet, 'spec', 'template')), 'spec.template'),
  validateUpdate: (next, current) =>
    immutable(getPath(next, 'spec', 'line'), getPath(current, 'spec', 'line'), 'spec.line'),
});
`;

const SERVER = `
import { startTestServer } from './test/api/test-server.ts';
import { rolesOfKinds } from './src/resources/authz/own-policy.ts';
import { builtinKinds } from './src/schemas/registry.ts';
import { itemsByKey } from './src/diff/merge-keys.ts';

const server = await startTestServer();
const roles = rolesOfKinds(builtinKinds).map(({ metadata, rules }) => [metadata.name, rules]);
const { caPem, adminToken } = server;
const parts = [...(itemsByKey('parts', [{ name: 'a' }, { name: 'b' }]) ?? [])];
process.stdout.write(JSON.stringify({ url: server.server.url, caPem, adminToken, roles, parts }) + '\\n');
process.stdin.resume().on('end', () => void server[Symbol.asyncDispose]());
`;

interface Started {
  readonly url: string;
  readonly caPem: string;
  readonly adminToken: string;
  readonly roles: readonly unknown[];
  /** A list of the toy, as a sync tells its items apart. */
  readonly parts: readonly unknown[];
}

interface Answer {
  readonly code: number;
  readonly warning: string | undefined;
  readonly body: Record<string, unknown>;
}

const copy = mkdtempSync(join(tmpdir(), 'symphony-kind-'));
const touched = new Set<string>();
let child: ChildProcess | undefined;
let started: Started;

function write(path: string, text: string): void {
  touched.add(path);
  mkdirSync(dirname(join(copy, path)), { recursive: true });
  writeFileSync(join(copy, path), text);
}

function addKinds(): void {
  write('src/schemas/kinds/toy/schema.json', JSON.stringify(SCHEMA));
  write('src/schemas/kinds/toy/kind.ts', KIND);
  write('src/schemas/kinds/fleet/schema.json', JSON.stringify(FLEET_SCHEMA));
  write('src/schemas/kinds/fleet/kind.ts', FLEET_KIND);
  const registry = readFileSync(join(copy, 'src/schemas/registry.ts'), 'utf8');
  const added = registry
    .replace(
      /^import /m,
      "import { toyKind } from './kinds/toy/kind.ts';\nimport { fleetKind } from './kinds/fleet/kind.ts';\nimport ",
    )
    .replace(/(const builtinKinds: .* = \[\n)/, '$1  toyKind,\n  fleetKind,\n');
  expect(added.match(/toyKind|fleetKind/g)).toHaveLength(4);
  write('src/schemas/registry.ts', added);
}

beforeAll(async () => {
  for (const path of COPIED) cpSync(join(ROOT, path), join(copy, path), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  addKinds();
  execFileSync(process.execPath, ['scripts/generate.mjs'], { cwd: copy });
  writeFileSync(join(copy, 'serve.ts'), SERVER);
  child = spawn(process.execPath, ['--import', 'tsx', 'serve.ts'], {
    cwd: copy,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  if (!child.stdout) throw new Error('the server has no output');
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const { value: line, done } = await lines.next();
  if (done) throw new Error('the server ended before it served');
  started = JSON.parse(line) as Started;
});

afterAll(async () => {
  if (child && child.exitCode === null) {
    const ended = once(child, 'exit');
    child.stdin?.end();
    await ended;
  }
  rmSync(copy, { recursive: true, force: true });
});

const TOYS = '/apis/example.com/v1/namespaces/default/toys';
const toy = (spec: object): object => ({
  apiVersion: 'example.com/v1',
  kind: 'Toy',
  metadata: { name: 'car' },
  spec,
});

function send(
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      new URL(path, started.url),
      {
        method,
        ca: started.caPem,
        headers: {
          authorization: `Bearer ${started.adminToken}`,
          'content-type': 'application/json',
          ...headers,
        },
      },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        answer.on('end', () => {
          const warning = answer.headers['warning'];
          const body = JSON.parse(text) as Record<string, unknown>;
          resolve({ code: answer.statusCode ?? 0, warning, body });
        });
      },
    );
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** The first event of a watch that begins after `version`. */
function firstEvent(version: string): Promise<{ readonly type: string; readonly object: unknown }> {
  return new Promise((resolve, reject) => {
    const sent = request(
      new URL(`${TOYS}?watch=true&resourceVersion=${version}`, started.url),
      { ca: started.caPem, headers: { authorization: `Bearer ${started.adminToken}` } },
      (answer) => {
        const lines = createInterface(answer);
        // The watch is broken off below.
        lines.on('error', () => undefined);
        lines.once('line', (line) => {
          sent.destroy();
          resolve(JSON.parse(line) as { readonly type: string; readonly object: unknown });
        });
      },
    );
    sent.on('error', reject);
    sent.end();
  });
}

it('touches the folder of the kind and one list', () => {
  const outside = [...touched].filter((path) => !/^src\/schemas\/kinds\/(toy|fleet)\//.test(path));
  expect(outside).toEqual(['src/schemas/registry.ts']);
  expect(touched.size).toBeLessThanOrEqual(5);
});

it('is in discovery, in the OpenAPI document and in the default roles', async () => {
  const { body } = await send('GET', '/apis/example.com/v1');
  expect(body['resources']).toMatchObject([
    { name: 'fleets' },
    { name: 'toys', kind: 'Toy', namespaced: true, shortNames: ['ty'] },
    { name: 'toys/status' },
  ]);
  const document = JSON.stringify((await send('GET', '/openapi/v3/apis/example.com/v1')).body);
  expect(document).toContain('A Toy is played with.');
  expect(document).toContain('patchExampleComV1NamespacedToy');
  const rules = (verbs: readonly string[]): unknown =>
    expect.arrayContaining([{ verbs, apiGroups: ['example.com'], resources: ['toys'] }]);
  expect(started.roles).toEqual([
    ['symphony:aggregate-to-view', rules(['get', 'list', 'watch'])],
    ['symphony:aggregate-to-edit', rules(['create', 'delete', 'deletecollection', 'patch', 'update'])],
  ]);
});

it('is created with its defaults, checked by its rules, shown in its columns, and selected by its fields', async () => {
  const created = await send('POST', TOYS, toy({ colour: 'red' }));
  expect(created.code).toBe(201);
  expect(created.body).toMatchObject({
    metadata: { generation: 1, managedFields: [{ fieldsV1: { 'f:spec': { 'f:colour': {} } } }] },
    spec: { colour: 'red', wheels: 4 },
    status: { broken: false },
  });
  expect((await send('GET', `${TOYS}/car`)).body).toEqual(created.body);

  const refused = await send('POST', TOYS, toy({ colour: 'red', wheels: -1 }));
  expect(refused.code).toBe(422);
  expect(refused.body['message']).toContain('spec.wheels: Invalid value: -1');
  const unimplemented = await send('POST', TOYS, toy({ colour: 'red', motor: 'big' }));
  expect(unimplemented.body['message']).toContain(
    'spec.motor: Forbidden: not implemented by Symphony: push it',
  );

  const table = await send('GET', TOYS, undefined, {
    accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
  });
  expect(table.body).toMatchObject({
    columnDefinitions: [{ name: 'Name' }, { name: 'Colour' }, { name: 'Wheels' }, { name: 'Age' }],
    rows: [{ cells: ['car', 'red', 4, expect.any(String)] }],
  });
  const selected = async (colour: string): Promise<unknown> =>
    (await send('GET', `${TOYS}?fieldSelector=spec.colour=${colour}`)).body['items'];
  expect(await selected('red')).toHaveLength(1);
  expect(await selected('blue')).toHaveLength(0);
});

it('is patched, applied, watched and deleted', async () => {
  const list = await send('GET', TOYS);
  const { resourceVersion } = list.body['metadata'] as { resourceVersion: string };
  const patched = await send(
    'PATCH',
    `${TOYS}/car`,
    { spec: { colour: 'blue' } },
    { 'content-type': 'application/merge-patch+json' },
  );
  expect(patched.body).toMatchObject({ metadata: { generation: 2 }, spec: { colour: 'blue', wheels: 4 } });
  expect(await firstEvent(resourceVersion)).toMatchObject({ type: 'MODIFIED', object: patched.body });

  const apply = (manager: string, part: object): Promise<Answer> =>
    send('PATCH', `${TOYS}/car?fieldManager=${manager}`, toy({ colour: 'blue', parts: [part] }), {
      'content-type': 'application/apply-patch+yaml',
    });
  expect((await apply('one', { name: 'a', weight: 1 })).code).toBe(200);
  const applied = await apply('two', { name: 'b', weight: 2 });
  expect(applied.body['spec']).toMatchObject({
    parts: [
      { name: 'a', weight: 1 },
      { name: 'b', weight: 2 },
    ],
  });
  expect(started.parts).toEqual([
    ['a', { name: 'a' }],
    ['b', { name: 'b' }],
  ]);
  const conflict = await apply('two', { name: 'a', weight: 3 });
  expect(conflict.code).toBe(409);

  const review = await send('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: { group: 'example.com', resource: 'toys', verb: 'delete' } },
  });
  expect(review.body['status']).toMatchObject({ allowed: true });
  expect((await send('DELETE', `${TOYS}/car`)).code).toBe(200);
  expect((await send('GET', `${TOYS}/car`)).code).toBe(404);
});

it('has what a kind without a namespace and a status has, and what its pods have', async () => {
  const fleets = '/apis/example.com/v1/fleets';
  const fleet = (line: string, container: object): object => ({
    apiVersion: 'example.com/v1',
    kind: 'Fleet',
    metadata: { name: 'one' },
    spec: { line, template: { spec: { containers: [container] } } },
  });
  const ship = { name: 'ship', image: 'ship', securityContext: { privileged: true } };
  const created = await send('POST', fleets, fleet('a', ship));
  expect(created).toMatchObject({
    code: 201,
    warning: undefined,
    body: { spec: { template: { spec: { containers: [{ imagePullPolicy: 'Always' }] } } } },
  });
  expect(created.body['status']).toBeUndefined();
  expect((await send('GET', `${fleets}/one/status`)).code).toBe(404);

  const nameless = await send('POST', fleets, fleet('a', { image: 'ship' }));
  expect(nameless.body['message']).toContain('spec.template.spec.containers[0].name: Required value');
  const unimplemented = await send('PUT', `${fleets}/one`, fleet('a', { ...ship, restartPolicyRules: [{}] }));
  expect(unimplemented.body['message']).toContain('spec.template.spec.containers[0].restartPolic');
  const moved = await send('PUT', `${fleets}/one`, fleet('b', ship));
  expect(moved.body['message']).toContain('spec.line: Invalid value: "b": field is immutable');
  const { body } = await send('GET', '/apis/example.com/v1');
  expect(body['resources']).toContainEqual(
    expect.objectContaining({ name: 'fleets', namespaced: false, shortNames: ['po'] }),
  );
  expect((await send('DELETE', `${fleets}/one`)).code).toBe(200);
});
