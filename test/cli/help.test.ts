/** The help, and that its examples are calls that work. */
import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { commands } from '../../src/cli/registry.ts';
import { runCli } from '../../src/cli/run-cli.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { callsIn, flagsOfCommands } from '../support/cli-flags.ts';

async function run(argv: readonly string[], columns?: number) {
  const stdout = Object.assign(new PassThrough(), columns === undefined ? {} : { columns });
  const stderr = new PassThrough();
  const io = { stdin: Readable.from(['']), stdout, stderr };
  const code = await runCli(argv, io, new AbortController().signal);
  const text = (stream: PassThrough): string => String((stream.read() as Buffer | null) ?? '');
  return { code, out: text(stdout), err: text(stderr) };
}

const headings = (help: string): readonly string[] =>
  [...help.matchAll(/^([A-Z][\w ]+):$/gm)].map(([, heading]) => heading ?? '');

describe('the help', () => {
  it('shows the commands in groups, and examples', async () => {
    const { code, out } = await run(['--help']);
    expect(code).toBe(0);
    expect(headings(out)).toEqual(['Options', 'Run a cluster', 'Use a cluster', 'Check', 'Examples']);
    for (const name of commands.keys()) expect(out).toMatch(new RegExp(`^  ${name} `, 'm'));
  });

  it('shows the flags of a command in groups: its own first, general ones last', async () => {
    expect(headings((await run(['up', '--help'])).out)).toEqual([
      'Git',
      'Nodes',
      'API',
      'State',
      'Network',
      'Security',
      'Autoscaling',
      'Webhooks and commit statuses',
      'Limits of the API',
      'Logs',
      'Other',
      'Examples',
    ]);
    expect(headings((await run(['validate', '--help'])).out).slice(0, 3)).toEqual([
      'Arguments',
      'Options',
      'Cluster',
    ]);
  });

  it.each([...commands.keys()])(
    '%s: two examples or more that are real calls, in 80 columns',
    async (name) => {
      const { out } = await run([name, '--help'], 80);
      for (const line of out.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
      const flags = await flagsOfCommands();
      const { examples = [] } = commands.get(name) ?? {};
      expect(examples.length).toBeGreaterThan(name === 'version' ? 0 : 1);
      for (const [, line] of examples)
        for (const call of callsIn(line))
          for (const flag of call.flags)
            expect(flags.get(call.command), `${call.command} ${flag}`).toContain(flag);
    },
  );

  it('takes the width of the terminal', async () => {
    const widest = async (columns: number): Promise<number> =>
      Math.max(...(await run(['up', '--help'], columns)).out.split('\n').map(({ length }) => length));
    expect(await widest(160)).toBeGreaterThan(100);
    expect(await widest(160)).toBeLessThanOrEqual(160);
  });

  it('of one command is shown by "help COMMAND", too', async () => {
    expect((await run(['help', 'agent'])).out).toContain('Usage: symphony agent [options]');
  });
});

it('an unknown command, flag or action is exit code 2, and names what comes close', async () => {
  expect(await run(['satus'])).toMatchObject({
    code: 2,
    err: expect.stringContaining('Did you mean status?'),
  });
  expect(await run(['up', '--pol-interval', '1s'])).toMatchObject({
    code: 2,
    err: expect.stringContaining('Did you mean --poll-interval?'),
  });
  expect(await run(['token', 'crate'])).toMatchObject({
    code: 2,
    err: expect.stringContaining('create, list, delete'),
  });
});

it('the version is printed by a flag and by a command', async () => {
  const printed = { code: 0, out: `${packageJson.version}\n` };
  expect(await run(['--version'])).toMatchObject(printed);
  expect(await run(['version'])).toMatchObject(printed);
});
