/**
 * Names and contents of files come from outside: nothing of them has power over a terminal or
 * forges a line.
 */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { renderNote } from '../../src/sync/forge/notes.ts';
import { configMap, createHarness, type Harness, POLL_MS } from './harness.ts';

let test: Harness;
beforeEach(async () => {
  test = await createHarness();
});
afterEach(() => test[Symbol.asyncDispose]());

const HOSTILE = 'a\u001b[2J\u009b31m\u202ecod\nb.yaml:1: forged';
/** Anything but printable characters and line breaks. */
const UNSAFE = /[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}]/u;

it.each([
  ['a file that is no YAML', `${HOSTILE}.yaml`, 'a: [b\n'],
  ['a kind', 'a.yaml', 'apiVersion: v1\nkind: "Conf\\e[31m\\u202eig"\nmetadata: {name: x}\n'],
  ['a field', 'a.yaml', configMap('x', {}, '').replace('data:', '"da\\e[31m\\u202eta": 1\ndata:')],
  ['a name', `${HOSTILE}.yaml`, 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: "x\\e[31m\\u202e"}\n'],
])('%s with control characters is told without them', async (_what, path, text) => {
  test.repository.commit({ [path]: text, 'ok.yaml': configMap('ok', {}) });
  await test.start();
  for (let round = 0; round < 3; round += 1) await test.pass(POLL_MS);
  const { status } = (await test.application())!;
  const said = JSON.stringify([status?.['conditions'], status?.['operationState'], status?.['health']]);
  expect(status?.['conditions']).toMatchObject([{ type: 'ComparisonError' }]);
  const { message } = (status?.['conditions'] as { message: string }[])[0]!;
  expect(message).not.toMatch(UNSAFE);
  expect(message).not.toMatch(/^b\.yaml/m);
  expect(said).not.toMatch(UNSAFE);
  const commitStatus = status?.['commitStatus'] as { description: string };
  expect(commitStatus).toMatchObject({ state: 'failure' });
  expect(commitStatus.description).not.toMatch(UNSAFE);
  const post = {
    sha: 'x',
    state: 'failure',
    context: 'c',
    repoURL: 'r',
    asOperator: true,
  } as const;
  expect(renderNote(undefined, { ...post, description: commitStatus.description }, 'now')).not.toMatch(
    UNSAFE,
  );
});

it('a link of such a name is warned about without them', async () => {
  test.repository.commit({
    [`${HOSTILE}.yaml`]: { text: 'x', mode: '120000' },
    'ok.yaml': configMap('ok', {}),
  });
  await test.start();
  for (let round = 0; round < 3; round += 1) await test.pass(POLL_MS);
  const conditions = (await test.application())?.status?.['conditions'] as { message: string }[];
  expect(conditions).toMatchObject([{ type: 'ExcludedResourceWarning' }]);
  expect(conditions[0]?.message).not.toMatch(UNSAFE);
  expect(conditions[0]?.message).not.toContain('\n');
});
