/** Flags of `symphony` and files that the documents name exist. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { resolveConfig } from '../../src/config/index.ts';
import { callsIn, flagsIn, flagsOfCommands } from '../support/cli-flags.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const documents = ['README.md', ...readdirSync(join(root, 'docs')).map((name) => join('docs', name))].filter(
  (path) => path.endsWith('.md'),
);
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** Flags of other programs that the documents name. */
const FOREIGN: ReadonlyMap<string, string> = new Map(
  Object.entries({
    curl: ['--silent', '--retry', '--retry-connrefused'],
    git: ['--batch', '--global', '--notes', '--quiet', '--message', '--all'],
    kubectl: [
      ...[
        '--as',
        '--list',
        '--prune',
        '--server-side',
        '--ignore-daemonsets',
        '--delete-emptydir-data',
        '--cascade',
      ],
      ...['--previous', '--verb', '--non-resource-url', '--clusterrole', '--serviceaccount'],
      ...['--docker-server', '--docker-username', '--docker-password'],
    ],
    node: ['--import', '--no-memory-reducer'],
    npm: [
      ...['--json', '--once', '--section', '--verbose', '--hollow', '--no-agents', '--no-job', '--pods'],
      ...['--seeds', '--repeats', '--changes', '--ingresses'],
    ],
    redis: ['--rdb', '--dir', '--port', '--unixsocket', '--save', '--daemonize'],
    systemctl: ['--now'],
  }).flatMap(([program, flags]) => flags.map((flag) => [flag, program] as const)),
);

describe.each(documents)('%s', (path) => {
  it('names flags that exist', async () => {
    const flags = await flagsOfCommands();
    const text = read(path);
    const known = new Set([...[...flags.values()].flatMap((set) => [...set]), ...FOREIGN.keys()]);
    expect(flagsIn(text).filter((flag) => !known.has(flag))).toEqual([]);
    const wrong = callsIn(text).flatMap(({ command, flags: named }) =>
      named.filter((flag) => !flags.get(command)?.has(flag)).map((flag) => `symphony ${command} ${flag}`),
    );
    expect(wrong).toEqual([]);
  });

  it('shows configuration files that a command would take', () => {
    for (const [, yaml = ''] of read(path).matchAll(/^```yaml\n([^]*?)^```$/gm)) {
      const file = { path: 'symphony.yaml', bytes: Buffer.from(yaml) };
      const command = /^server:/m.test(yaml) ? 'agent' : 'control-plane';
      expect(() => resolveConfig({ command, flags: {}, env: {}, file })).not.toThrow();
    }
  });

  it('links to files that are there', () => {
    const links = [...read(path).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, target]) => target ?? '');
    const missing = links.filter(
      (target) => !/^[a-z]+:/.test(target) && !existsSync(join(root, dirname(path), target)),
    );
    expect(missing).toEqual([]);
  });
});
