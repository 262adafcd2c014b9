import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { TransientError, UserError } from '../../src/base/errors.ts';
import { createLogger, type LoggerOptions } from '../../src/base/logger.ts';
import { StoreUnavailable } from '../../src/store/types.ts';

const LOGGER = new URL('../../src/base/logger.ts', import.meta.url).href;

function capture(options: Pick<LoggerOptions, 'text'> = {}) {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  return { lines, logger: createLogger({ level: 'info', destination, ...options }) };
}

describe('JSON lines', () => {
  it('name a field once, however many loggers and messages set it', () => {
    const { lines, logger } = capture();
    const child = logger.child({ component: 'a', node: 'n1' }).child({ component: 'b' });
    child.info({ node: 'n2' }, 'Said');
    expect(lines[0]?.match(/"(component|node)":/g)).toHaveLength(2);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ component: 'b', node: 'n2', msg: 'Said', level: 30 });
  });

  it('never hold a secret', () => {
    const { lines, logger } = capture();
    logger.child({ token: 'abc' }).info({ password: 'abc' }, 'Said');
    expect(lines[0]).not.toContain('abc');
  });
});

describe('an error in a JSON line', () => {
  const logged = (error: unknown): unknown => {
    const { lines, logger } = capture();
    logger.error({ error }, 'Failed');
    return (JSON.parse(lines[0] ?? '') as { error: unknown }).error;
  };
  const systemError = Object.assign(new Error('write ENOSPC'), { code: 'ENOSPC' });

  it.each<readonly [string, unknown, string]>([
    ['a user error', new UserError('No such flag'), 'No such flag'],
    ['a store that is away', new StoreUnavailable('Cannot use Redis'), 'Cannot use Redis'],
    ['an error of the system', systemError, 'write ENOSPC'],
    [
      'a transient error with its cause',
      new TransientError('Cannot queue', { cause: systemError }),
      'Cannot queue: write ENOSPC',
    ],
    [
      'a cause that is repeated',
      new TransientError('Cannot: why', { cause: new Error('why') }),
      'Cannot: why',
    ],
  ])('is its text for %s', (_, error, text) => {
    expect(logged(error)).toBe(text);
  });

  it('has a stack for a defect', () => {
    expect(logged(new TypeError('x is undefined'))).toEqual({
      type: 'TypeError',
      message: 'x is undefined',
      stack: expect.stringContaining('logger.test.ts'),
    });
  });

  it('holds nothing that a client has attached to it', () => {
    const reply = Object.assign(new Error('WRONGPASS'), { command: { name: 'auth', args: ['canary'] } });
    for (const name of ['Error', 'ReplyError'])
      expect(JSON.stringify(logged(Object.assign(reply, { name })))).not.toContain('canary');
  });
});

it('a log that cannot be written to does not end the process', async () => {
  const program = `const { createLogger } = await import(${JSON.stringify(LOGGER)});
    for (let line = 0; line < 3; line += 1) createLogger({ level: 'info' }).info({ line }, 'Said');
    console.log('still here');`;
  const run = promisify(execFile);
  const { stdout } = await run(
    '/bin/sh',
    ['-c', 'exec "$0" "$@" 2> /dev/full', process.execPath].concat([
      '--import',
      'tsx',
      '--input-type=module',
      '--eval',
      program,
    ]),
  );
  expect(stdout).toBe('still here\n');
});

describe('failures that repeat', () => {
  const withTime = () => {
    let nowMs = 0;
    const lines: Record<string, unknown>[] = [];
    const destination = { write: (line: string) => void lines.push(JSON.parse(line) as never) };
    const logger = createLogger({ level: 'info', destination, nowMs: () => nowMs });
    return { lines, logger, pass: (ms: number) => void (nowMs += ms) };
  };

  it('are logged at once, and then less and less often, with how often they happened', () => {
    const { lines, logger, pass } = withTime();
    for (let second = 0; second < 3_600; second += 1) {
      logger.warn({ error: `connect ECONNREFUSED after ${second} ms` }, 'Cannot watch');
      pass(1_000);
    }
    expect(lines.length).toBeLessThan(15);
    expect(lines.slice(0, 3).map(({ times }) => times)).toEqual([undefined, 10, 20]);
    pass(60_000);
    logger.warn({ error: 'connect ECONNREFUSED' }, 'Cannot watch');
    expect(lines.at(-1)).toMatchObject({ msg: 'Cannot watch', error: 'connect ECONNREFUSED' });
  });

  it('are no repetitions where they are about something else, or have another cause', () => {
    const { lines, logger } = withTime();
    for (const node of ['n1', 'n2']) logger.child({ node }).error({}, 'Failed');
    for (const error of ['refused', 'timed out']) logger.error({ error: new Error(error) }, 'Failed');
    for (const incident of ['a', 'b']) logger.error({ incident, error: 'x' }, 'A defect');
    // As the sync says it of one Application, and the store of one Redis.
    for (const errors of [['a.yaml: x'], ['b.yaml: y']]) logger.error({ application: 'a', errors }, 'Failed');
    for (const problem of ['no memory limit', 'no log']) logger.warn({ problem }, 'Not set up');
    expect(lines).toHaveLength(10);
  });

  it('are not held back by lines below the level', () => {
    const { lines, logger } = withTime();
    logger.debug({ error: 'refused' }, 'Failed');
    logger.warn({ error: 'refused' }, 'Failed');
    expect(lines).toMatchObject([{ level: 40, msg: 'Failed' }]);
  });

  it('are counted by logger and children together, and news are never held back', () => {
    const { lines, logger } = withTime();
    logger.child({ component: 'a' }).warn({}, 'Failed');
    logger.child({ component: 'a' }).warn({}, 'Failed');
    for (let round = 0; round < 3; round += 1) logger.info({}, 'Said');
    expect(lines.map(({ msg }) => msg)).toEqual(['Failed', 'Said', 'Said', 'Said']);
  });
});

describe('text lines', () => {
  const text = (fields: Record<string, unknown>, message: string, colours = false): string => {
    const { lines, logger } = capture({ text: { colours } });
    logger.child({ component: 'agent' }).warn(fields, message);
    return lines.join('');
  };

  it('have local time, level, component, message and fields on one line', () => {
    expect(text({ pod: 'web-1', why: 'two words', count: 3 }, 'Cannot start')).toMatch(
      /^\d\d:\d\d:\d\d WARN {2}agent: Cannot start {2}pod=web-1 why="two words" count=3\n$/,
    );
  });

  it('show the message of an error, and nothing that moves the cursor', () => {
    const error = new Error('first\nsecond\u001b[2J');
    expect(text({ error }, 'Failed')).toMatch(/error="first\\nsecond\\u001b\[2J"\n$/);
    expect(text({}, 'a\u001b[2Jb')).toMatch(/a\\u\{1b\}\[2Jb\n$/);
  });

  it('are coloured only when asked', () => {
    expect(text({}, 'x')).not.toContain('\u001b[');
    expect(text({}, 'x', true)).toContain('\u001b[33mWARN');
  });
});
