/**
 * Commits that cannot be applied: said on the commit with file and line, and without any harm. Good
 * ones heal. Deletions in Git delete, but only what Git really no longer wants.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/kubectl.ts';
import { startSymphony, type Symphony } from '../support/symphony.ts';
import { configMap, documents, web } from './manifests.ts';

const WEB = 'root/web.yaml';
const goodWeb = web({ replicas: 2 });
const lineOf = (text: string, part: string): number => text.slice(0, text.indexOf(part)).split('\n').length;

interface BadInput {
  readonly what: string;
  readonly text: string;
  /** The text of the commit status, and of `symphony validate`. */
  readonly says: RegExp;
}

const misspelt = goodWeb.replace('image:', 'imagee:');
const alias = [
  'a: &a [x,x,x,x,x,x,x,x,x,x]',
  ...'bcdefghi'.split('').map((name, index) => {
    const before = 'abcdefgh'[index] ?? '';
    return `${name}: &${name} [${Array.from({ length: 10 }, () => `*${before}`).join(',')}]`;
  }),
].join('\n');

const badInputs: readonly BadInput[] = [
  {
    what: 'bad YAML',
    text: goodWeb.replace('  replicas: 2', '  replicas: 2\n bad indentation: ['),
    says: /web\.yaml:\d+/,
  },
  {
    what: 'a misspelt field',
    text: misspelt,
    says: new RegExp(`web\\.yaml:${lineOf(misspelt, 'imagee:')}.*imagee`),
  },
  {
    what: 'an unknown kind',
    text: goodWeb.replace('kind: Deployment', 'kind: Deploymnet'),
    says: /web\.yaml:\d+.*Deploymnet/,
  },
  {
    what: 'a value of the wrong type',
    text: goodWeb.replace('replicas: 2', 'replicas: "two"'),
    says: new RegExp(`web\\.yaml:${lineOf(goodWeb, 'replicas: 2')}.*spec\\.replicas`),
  },
  {
    what: 'conflict markers',
    text: goodWeb.replace(
      '  replicas: 2',
      '<<<<<<< HEAD\n  replicas: 2\n=======\n  replicas: 3\n>>>>>>> other',
    ),
    says: /web\.yaml:\d+.*conflict/i,
  },
  {
    what: 'a duplicate key',
    text: goodWeb.replace('  replicas: 2', '  replicas: 2\n  replicas: 3'),
    says: new RegExp(`web\\.yaml:${lineOf(goodWeb, 'replicas: 2') + 1}.*replicas`),
  },
  {
    what: 'an alias bomb',
    text: `${goodWeb}---\n${alias}\n`,
    says: /web\.yaml.*(alias|anchor|too (many|large|big))/i,
  },
  {
    what: 'a negative number of replicas',
    text: goodWeb.replace('replicas: 2', 'replicas: -1'),
    says: /web\.yaml:\d+.*spec\.replicas/,
  },
  {
    what: 'a selector that does not match its template',
    text: goodWeb.replace('    matchLabels: {app: web}', '    matchLabels: {app: other}'),
    says: /web\.yaml:\d+.*selector/,
  },
  {
    what: 'a name that would write to the terminal',
    text: goodWeb.replace('  name: web\n', '  name: "web\\e[31m\\n"\n'),
    says: /web\.yaml:\d+.*metadata\.name/,
  },
  {
    what: 'one object twice',
    text: documents(goodWeb, goodWeb),
    says: /web\.yaml:\d+.*Deployment "default\/web" is written twice/,
  },
];

describe('a commit', () => {
  let symphony: Symphony;
  let directory: string;
  let good = 0;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'symphony-bad-'));
    symphony = await startSymphony({ args: ['--path', 'root'], files: files() });
    // The second application follows the same repository, whose path only the operator may name.
    await symphony.repository.commit({ 'root/second.json': secondApplication(symphony.repository.bare) });
    await symphony.untilNote(await head(), 'success');
    await untilSecond('0');
  });
  afterAll(async () => {
    await symphony?.[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });
  beforeEach(() => symphony.explainFailure());

  const head = async (): Promise<string> => (await symphony.repository.git('rev-parse', 'HEAD')).trim();
  const files = (): Record<string, string> => ({
    [WEB]: goodWeb,
    'root/settings.json': configMap('settings', { good: String(good) }),
    'second/config.json': configMap('second', { round: '0' }),
  });
  const secondApplication = (repoURL: string): string =>
    JSON.stringify({
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'Application',
      metadata: { name: 'second', namespace: 'symphony-system' },
      spec: {
        project: 'default',
        source: { repoURL, path: 'second', targetRevision: 'HEAD' },
        destination: { namespace: 'default', server: 'https://kubernetes.default.svc' },
        syncPolicy: { automated: { prune: true, selfHeal: true } },
      },
    });
  const untilSecond = (round: string): Promise<unknown> =>
    eventually(`the second application is at ${round}`, async () => {
      const found = await symphony.kubectl.try('get', 'configmap', 'second', '-o', 'jsonpath={.data.round}');
      return found.stdout === round;
    });
  /** Heals, and shows that what came before has been dealt with. */
  const heal = async (changes: Readonly<Record<string, string | null>> = {}): Promise<string> => {
    good += 1;
    const sha = await symphony.repository.commit({ ...files(), ...changes });
    await symphony.untilNote(sha, 'success');
    expect(await symphony.kubectl('get', 'cm', 'settings', '-o', 'jsonpath={.data.good}')).toBe(String(good));
    return sha;
  };
  const objects = (): Promise<string> =>
    symphony.kubectl('get', 'deployments,replicasets,configmaps', '-o', 'name');

  for (const { what, text, says } of badInputs) {
    it(`with ${what} fails with file and line, harms nothing, and is healed by the next`, async () => {
      const containers = await symphony.containers();
      expect(containers).toHaveLength(2);
      const before = await objects();
      // The same commit deletes an object, which must stay, and changes the other application,
      // which must go on.
      const round = `${what} ${good}`;
      const sha = await symphony.repository.commit({
        [WEB]: text,
        'root/settings.json': null,
        'second/config.json': configMap('second', { round }),
      });
      await symphony.untilNote(sha, 'failure');
      const application = await symphony.kubectl.json('get', 'app', 'root', '-n', 'symphony-system');
      const messages = (application['status'].conditions as { message: string }[]).map(
        ({ message }) => message,
      );
      expect(messages.join('\n')).toMatch(says);
      expect(application['status'].commitStatus).toMatchObject({ sha, state: 'failure' });
      expect(application['status'].commitStatus.description).toMatch(/web\.yaml/);
      await untilSecond(round);
      const local = join(directory, 'web.yaml');
      await writeFile(local, text);
      const validated = await symphony.cli('validate', local);
      expect(validated.code).toBe(1);
      expect(validated.stdout).toMatch(/web\.yaml:\d+/);
      expect(await objects()).toBe(before);
      await heal();
      expect(await symphony.containers()).toEqual(containers);
    });
  }

  it('that deletes a file deletes its objects, and nothing else', async () => {
    await heal({
      'root/extra.yaml': documents(configMap('extra', { a: '1' }), web({ name: 'extra', replicas: 1 })),
    });
    const stays = (await symphony.containers()).filter(({ pod }) => pod.startsWith('web-'));
    expect(await objects()).toMatch(/deployment\.apps\/extra/);
    await heal({ 'root/extra.yaml': null });
    await eventually('its containers are gone', async () => (await symphony.containers()).length === 2);
    expect(await objects()).not.toMatch(/extra/);
    expect(await symphony.containers()).toEqual(stays);
  });

  it('that empties the directory deletes nothing', async () => {
    const containers = await symphony.containers();
    const before = await objects();
    const sha = await symphony.repository.commit({
      [WEB]: null,
      'root/settings.json': null,
      'root/second.json': null,
      'root/README.md': 'Nothing here.\n',
    });
    await eventually('the application has seen it', async () => {
      const { status } = await symphony.kubectl.json('get', 'app', 'root', '-n', 'symphony-system');
      return status.sync?.revision === sha;
    });
    const { status } = await symphony.kubectl.json('get', 'app', 'root', '-n', 'symphony-system');
    const conditions = status.conditions as { type: string; message: string }[];
    expect(conditions.map(({ message }) => message).join()).toMatch(
      /no longer in Git and stay: the render is empty/,
    );
    expect(await objects()).toBe(before);
    await heal({ 'root/README.md': null, 'root/second.json': secondApplication(symphony.repository.bare) });
    expect(await symphony.containers()).toEqual(containers);
  });

  it('whose containers crash fails with the cause, while the old ones serve', async () => {
    const containers = await symphony.containers();
    const broken = web({
      replicas: 2,
      container: '          command: ["sh", "-c", "echo no database; exit 3"]\n',
    });
    const sha = await symphony.repository.commit({ [WEB]: broken });
    const { description } = await symphony.untilNote(sha, 'failure');
    expect(description).toMatch(/^deployment\/web: container httpd exited 3/);
    expect(await symphony.containers()).toEqual(expect.arrayContaining([...containers]));
    await heal();
    await eventually('the broken pods are gone', async () => (await symphony.containers()).length === 2);
    expect(await symphony.containers()).toEqual(containers);
  });

  it('is not needed to put right what somebody changed by hand', async () => {
    await symphony.kubectl('scale', 'deployment/web', '--replicas=0');
    await eventually('it is scaled back', async () => {
      const { spec, status } = await symphony.kubectl.json('get', 'deployment', 'web');
      return spec.replicas === 2 && status.availableReplicas === 2;
    });
    await symphony.kubectl('delete', 'configmap', 'settings');
    await eventually('it is created again', async () =>
      (await symphony.kubectl('get', 'cm', 'settings', '--ignore-not-found', '-o', 'name')).includes(
        'settings',
      ),
    );
  });
});
