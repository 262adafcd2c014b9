/**
 * A terminal for tests that type what a document says: one bash that stays, so that `export` and
 * `cd` hold.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { eventually } from './kubectl.ts';

export interface Terminal extends AsyncDisposable {
  /** Types the lines and waits until all of them have succeeded; what they printed to stdout. */
  run(script: string): Promise<string>;
  /**
   * Types the lines, of which the last stays in the foreground, and waits until `ready` is printed.
   */
  start(script: string, ready: RegExp): Promise<void>;
  /** Ctrl-C: whatever is in the foreground must end well. */
  interrupt(): Promise<void>;
}

export interface TerminalOptions {
  /** A program that runs bash somewhere else, such as nsenter; with its arguments. */
  readonly within?: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

export function openTerminal({ within = [], cwd, env }: TerminalOptions): Terminal {
  const [command, ...args] = [...within, 'bash', '-e', '-o', 'pipefail'];
  // A group of its own, as a terminal has it: an interrupt goes to all of them.
  const shell: ChildProcess = spawn(command, args, { cwd, env, detached: true, stdio: 'pipe' });
  let stdout = '';
  let stderr = '';
  shell.stdout?.setEncoding('utf8').on('data', (text: string) => void (stdout += text));
  shell.stderr?.setEncoding('utf8').on('data', (text: string) => void (stderr += text));
  shell.stdin?.on('error', () => undefined);
  const ended = new Promise<void>((resolve) => shell.once('close', () => resolve()));
  let typed = 0;
  let from = 0;

  const isOver = (): boolean => shell.exitCode !== null || shell.signalCode !== null;
  function type(script: string): string {
    from = stdout.length;
    const mark = `@@typed ${++typed}@@`;
    shell.stdin?.write(`${script}\nprintf '%s\\n' '${mark}'\n`);
    return mark;
  }
  async function until(what: string, holds: () => boolean): Promise<void> {
    await eventually(what, async () => holds() || isOver());
    if (!holds()) throw new Error(`The terminal ended before ${what}:\n${stdout.slice(from)}\n${stderr}`);
  }
  let foreground = '';
  return {
    async run(script) {
      const mark = type(script);
      await until(`"${script.split('\n')[0] ?? ''}" has succeeded`, () => stdout.includes(mark));
      return stdout.slice(from).replace(`${mark}\n`, '');
    },
    async start(script, ready) {
      foreground = type(script);
      await until(`${String(ready)} is printed`, () => ready.test(stdout.slice(from)));
    },
    async interrupt() {
      if (shell.pid !== undefined) process.kill(-shell.pid, 'SIGINT');
      await until('what was in the foreground has ended', () => stdout.includes(foreground));
    },
    async [Symbol.asyncDispose]() {
      if (isOver() || shell.pid === undefined) return;
      process.kill(-shell.pid, 'SIGTERM');
      shell.stdin?.end();
      await ended;
    },
  };
}
