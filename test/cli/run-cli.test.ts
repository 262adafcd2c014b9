import { mkdtempSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { TransientError, UserError } from '../../src/base/errors.ts';
import { StoreUnavailable } from '../../src/store/types.ts';
import type { CommandEntry } from '../../src/cli/run/command.ts';
import { printable } from '../../src/base/printable.ts';
import { splitApplication } from '../../src/cli/cluster/api-connection.ts';
import { runCli } from '../../src/cli/run-cli.ts';
import { formatJoinToken } from '../../src/server/identity/join-token.ts';
import { RuntimeError } from '../../src/node-agent/runtime/types.ts';

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

function directoryWith(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'symphony-cli-'));
  directories.push(root);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(root, name, '..'), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return root;
}

async function run(argv: string[], input = '', registry?: ReadonlyMap<string, CommandEntry>) {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const io = { stdin: Readable.from([input]), stdout, stderr };
  const code = await runCli(argv, io, new AbortController().signal, registry);
  const text = (stream: PassThrough): string => String((stream.read() as Buffer | null) ?? '');
  return { code, out: text(stdout), err: text(stderr) };
}

const GOOD = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n';

test('reports why a command ended, also where its end fails as well', async () => {
  const entry: CommandEntry = {
    summary: '',
    group: 'Check',
    examples: [],
    load: async () => ({
      configure: () => undefined,
      async run() {
        await using part = { [Symbol.asyncDispose]: () => Promise.reject(new Error('cannot end')) };
        throw new UserError(`the cause beside ${typeof part}`);
      },
    }),
  };
  const { code, err } = await run(['fail'], '', new Map([['fail', entry]]));
  expect([code, err]).toEqual([1, 'error: the cause beside object\n']);
});

describe('symphony validate', () => {
  test('accepts good manifests below a directory and mentions what is none', async () => {
    const root = directoryWith({
      'a.yaml': GOOD,
      'b/values.yml': 'image: x\n',
      'b/notes.txt': 'x',
      '.git/c.yaml': '{',
    });
    symlinkSync('/etc', join(root, 'link.yaml'));
    const { code, out } = await run(['validate', root]);
    expect([code, out]).toEqual([
      0,
      'valid, 1 object in 2 files, 1 file skipped: not manifests, 1 symbolic link not followed\n',
    ]);
  });

  test('shows place, line, path and hint, without colours off a terminal', async () => {
    const root = directoryWith({ 'a.yaml': `${GOOD}dataa: {x: y}\n` });
    const { code, out } = await run(['validate', root]);
    expect(code).toBe(1);
    expect(out).toBe(
      `${root}/a.yaml:4:1: error: dataa: unknown field "dataa", did you mean "data"?\n` +
        '      4 | dataa: {x: y}\n        | ^\n1 error, 1 object in 1 file\n',
    );
  });

  test('reads standard input and writes JSON', async () => {
    const { code, out } = await run(['validate', '-', '-o', 'json'], 'kind: [\n');
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ files: 1, objects: 0, errors: [{ file: '<stdin>', line: 2 }] });
  });

  test('control characters of a manifest do not reach the terminal', async () => {
    const { out } = await run(['validate', '-'], 'apiVersion: v1\nkind: "a\\e[31m\\nb"\n');
    expect(out).toContain('kind "a\\u{1b}[31m\\u{a}b" of "v1" is not supported');
  });

  test('nor do they in JSON, where they mean the same to a program', async () => {
    const name = 'a\u202e\u009b31m\u2066.yaml';
    const { out } = await run(['validate', directoryWith({ [name]: 'kind: [' }), '-o', 'json']);
    expect(out).not.toMatch(/[^\P{Cc}\n]|\p{Cf}/u);
    expect((JSON.parse(out) as { errors: { file: string }[] }).errors[0]?.file).toContain(name);
  });

  test.each([
    ['an empty folder', {}, 'error: no manifests found below "ROOT"\n'],
    [
      'a folder without manifests',
      { 'values.yaml': 'a: b\n', 'c.yaml': '# x\n' },
      'error: no manifests found below "ROOT": 2 YAML or JSON files hold none\n',
    ],
    [
      'only hidden files',
      { '.github/a.yaml': GOOD, '.b.yaml': GOOD },
      'error: no manifests found below "ROOT"\n',
    ],
  ])('%s is an error', async (_name, files, expected) => {
    const root = directoryWith(files);
    const { code, out } = await run(['validate', root]);
    expect(code).toBe(1);
    expect(out).toContain(expected.replace('ROOT', root));
    // Other paths do not make up for it.
    expect((await run(['validate', directoryWith({ 'a.yaml': GOOD }), root])).code).toBe(1);
  });

  test('a named file that holds no manifest is an error, and so is standard input', async () => {
    const root = directoryWith({ 'a.yaml': '# nothing\n', 'values.yaml': 'a: b\n' });
    const only = await run(['validate', join(root, 'a.yaml')]);
    expect([only.code, only.out]).toEqual([1, expect.stringContaining('not a manifest: it is empty')]);
    expect((await run(['validate', join(root, 'values.yaml')])).out).toContain('values of a Helm chart');
    expect((await run(['validate', '-'], '')).code).toBe(1);
  });

  test('warnings leave the exit code alone, but for --strict', async () => {
    const pod =
      'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  hostNetwork: true\n  serviceAccountName: robot\n  containers: [{name: c, image: i}]\n';
    const root = directoryWith({ 'a.yaml': pod });
    const { code, out } = await run(['validate', root]);
    expect(code).toBe(0);
    expect(out).toContain(
      `${root}/a.yaml:4:1: warning: spec: would violate PodSecurity "baseline:latest": host namespaces (hostNetwork=true)`,
    );
    expect(out).toContain(
      `${root}/a.yaml:6:3: warning: spec.serviceAccountName: ServiceAccount "robot" is not`,
    );
    expect(out).toMatch(/^valid, 2 warnings, 1 object in 1 file$/m);
    const strict = await run(['validate', root, '--strict']);
    expect([strict.code, strict.out]).toEqual([1, expect.stringContaining('2 warnings taken for errors')]);
    const open = await run(['validate', root, '--default-pod-security', 'privileged', '-o', 'json']);
    expect(JSON.parse(open.out)).toMatchObject({ errors: [], warnings: [{ line: 6 }] });
    expect((await run(['validate', root, '--default-pod-security', 'none'])).code).toBe(2);
  });

  test('names what it passes over', async () => {
    const root = directoryWith({ 'a.yaml': GOOD, 'values.yaml': 'a: b\n' });
    symlinkSync('/etc', join(root, 'link.yaml'));
    const { out } = await run(['validate', '-v', root]);
    expect(out).toContain(`${root}/link.yaml: skipped: a symbolic link is not followed\n`);
    expect(out).toContain(`${root}/values.yaml: skipped: values of a Helm chart`);
  });

  test('a kustomization is one behind a link, too', async () => {
    const root = directoryWith({ 'a.yaml': GOOD, 'real.txt': 'resources: [a.yaml]\n' });
    symlinkSync('real.txt', join(root, 'kustomization.yaml'));
    const { code, out } = await run(['validate', root]);
    expect([code, out]).toEqual([1, expect.stringContaining('this directory is for kustomize')]);
  });

  test('a path that is not there is a user error', async () => {
    const { code, err } = await run(['validate', '/nowhere/at/all']);
    expect(code).toBe(1);
    expect(err).toContain('error: cannot read "/nowhere/at/all"');
  });
});

test('a kubeconfig that cannot be read is a user error that names it', async () => {
  const folder = directoryWith({});
  const { code, err } = await run(['status', '--kubeconfig', folder]);
  expect([code, err]).toEqual([
    1,
    `error: Cannot read kubeconfig "${folder}": EISDIR: illegal operation on a directory, read\n`,
  ]);
});

describe('exit codes', () => {
  const failing = (error: Error): ReadonlyMap<string, CommandEntry> =>
    new Map([
      [
        'fail',
        {
          summary: 'fails',
          group: 'Check',
          examples: [],
          load: async () => ({ configure: () => undefined, run: () => Promise.reject(error) }),
        },
      ],
    ]);
  test.each<[Error, number]>([
    [new UserError('no such thing'), 1],
    [new TransientError('later'), 3],
    [new StoreUnavailable('Cannot use Redis'), 3],
    [Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }), 3],
    [new Error('outer', { cause: Object.assign(new Error('x'), { code: 'ENOTFOUND' }) }), 3],
    [new RuntimeError('unavailable', 'the engine is away'), 3],
    [new RuntimeError('invalid', 'no such docker host'), 1],
    [new RuntimeError('transient', 'the engine says no'), 1],
    [new TypeError('a bug'), 70],
  ])('%s', async (error, expected) => {
    const { code, err } = await run(['fail'], '', failing(error));
    expect(code).toBe(expected);
    expect(err).not.toBe('');
  });

  test.each([
    'ENOSPC',
    'EACCES',
    'EROFS',
    'EDQUOT',
    'EMFILE',
    'ENFILE',
    'ENOTDIR',
    'EPERM',
    'EISDIR',
    'ENOENT',
    'EEXIST',
    'EIO',
  ])('%s is the environment, not a bug, wherever it comes from', async (code) => {
    const plain = Object.assign(new Error(`${code}: mkdir '/data'`), { code, syscall: 'mkdir' });
    for (const error of [
      plain,
      new Error('Cannot open the data', { cause: plain }),
      new AggregateError([new Error('other'), plain], 'Cannot start'),
    ]) {
      const { code: exit, err } = await run(['fail'], '', failing(error));
      expect(exit).toBe(1);
      expect(err).toMatch(/^error: .+: .+\n$/);
      expect(err).not.toContain('report this');
    }
  });

  test('a Redis that does not answer is unreachable', async () => {
    const { code, err } = await run(
      ['fail'],
      '',
      failing(new StoreUnavailable('Cannot use Redis: no answer')),
    );
    expect([code, err]).toEqual([3, 'error: unreachable: Cannot use Redis: no answer\n']);
  });

  test('and is said once', async () => {
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    const { err } = await run(['fail'], '', failing(full));
    expect(err).toMatch(/^error: Cannot write: no space is left on the device; /);
  });

  test.each(['a/b/c', '/b', 'a/'])('"%s" is no application', (text) => {
    expect(() => splitApplication(text)).toThrow('give an application as NAME or NAMESPACE/NAME');
  });

  test.each([
    ['up', ['--data-dir', '/proc/x', '--runtime', 'hollow'], '--data-dir'],
    ['control-plane', ['--data-dir', '/proc/x/y'], '--data-dir'],
    ['control-plane', ['--data-dir', 'DIR', '--identity-dir', '/proc/x'], '--identity-dir'],
    [
      'agent',
      ['--data-dir', '/proc/x', '--server', 'https://127.0.0.1:1', '--token-file', 'DIR/token'],
      '--data-dir',
    ],
  ])('a directory that cannot be made is named with its flag: %s %j', async (command, flags, flag) => {
    const caPem = '-----BEGIN CERTIFICATE-----';
    const root = directoryWith({ token: formatJoinToken({ secret: 'abcdef.0123456789abcdef', caPem }) });
    const { code, err } = await run([command, ...flags.map((text) => text.replace('DIR', root))]);
    expect(err).toMatch(/^error: Cannot use ".+": mkdir .+; choose another /);
    expect(err).toContain(`choose another ${flag}`);
    expect(code).toBe(1);
  });

  test.each([
    [[], 2],
    [['nonsense'], 2],
    [['validate'], 2],
    [['validate', '--nonsense', 'x'], 2],
    [['--help'], 0],
    [['validate', '--help'], 0],
    [['--version'], 0],
  ])('%j exits with %i', async (argv, expected) => expect((await run(argv)).code).toBe(expected));
});

test('printable shows what would forge a line', () => {
  expect(printable('a\u202Eb\u200Bc\nd')).toBe('a\\u{202e}b\\u{200b}c\\u{a}d');
});
