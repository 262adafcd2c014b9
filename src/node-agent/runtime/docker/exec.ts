/** Commands in containers: `exec` for probes and hooks is bounded; the others are for people. */
import { Duplex, type Readable } from 'node:stream';
import type { Clock } from '../../../base/clock.ts';
import { goDuration } from '../../../base/go-words.ts';
import { type ContainerRuntime, type ExecSession, RuntimeError } from '../types.ts';
import type { Engine } from './engine.ts';
import { execFailure, holdBackExecFailure, isExecFailure } from './exec-failure.ts';
import { createFrameParser, onOver, splitFrames } from './frames.ts';
import type { Ownership } from './ownership.ts';
import { killContainerProcess } from './process.ts';

type Execs = Pick<ContainerRuntime, 'exec' | 'execStream' | 'attach'>;

/** Exit code of a command whose own is unknown: it was cut off. */
const UNKNOWN_EXIT_CODE = 137;
/** The Engine's exit codes of a command that did not start. A command can return them, too. */
const NOT_STARTED: ReadonlySet<number> = new Set([126, 127, 128]);

export interface ExecOptions {
  readonly engine: Engine;
  readonly ownership: Ownership;
  readonly clock: Clock;
}

export function createExecs({ engine, ownership, clock }: ExecOptions): Execs {
  const { docker, call } = engine;

  async function killExec(containerId: string, execId: string): Promise<void> {
    if (!engine.local) return;
    const state = await call('look at exec', (options) => docker.getExec(execId).inspect(options));
    if (state.Running) await killContainerProcess(containerId, state.Pid);
  }

  /** Throws if the command did not start. Its output is the runtime's reason then. */
  async function exitCodeOf(execId: string, action: string, said: string | undefined): Promise<number> {
    const state = await call('look at exec', (options) => docker.getExec(execId).inspect(options));
    const code = state.ExitCode ?? UNKNOWN_EXIT_CODE;
    if (said === undefined || state.Pid !== 0 || !NOT_STARTED.has(code)) return code;
    const detail = execFailure(said);
    throw new RuntimeError('invalid', `Cannot ${action}: ${detail}`, { detail });
  }

  /** `stdin` is the command's; a session's connection stays open for writing in any case. */
  async function startExec(
    id: string,
    command: readonly string[],
    {
      stdin,
      tty,
      isSession,
    }: { readonly stdin: boolean; readonly tty: boolean; readonly isSession: boolean },
  ) {
    await ownership.assertOurs(id);
    const action = `run ${JSON.stringify(command)} in container "${id}"`;
    const attached = { AttachStdin: stdin, AttachStdout: true, AttachStderr: true };
    const exec = await call(action, ({ abortSignal }) =>
      docker.getContainer(id).exec({ Cmd: [...command], ...attached, Tty: tty, abortSignal }),
    );
    const stream = await call(action, ({ abortSignal }) =>
      exec.start({ hijack: true, stdin: isSession, Tty: tty, abortSignal }),
    );
    return { action, exec, stream };
  }

  return {
    async exec(id, command, { timeoutMs, outputLimitBytes }) {
      const how = { stdin: false, tty: false, isSession: false };
      const { action, exec, stream } = await startExec(id, command, how);
      const output = await collect(stream, outputLimitBytes, clock, timeoutMs);
      if (output.timedOut) {
        await killExec(id, exec.id).catch(() => undefined);
        const detail = `command timed out: ${JSON.stringify(command.join(' '))} timed out after ${goDuration(timeoutMs)}`;
        throw new RuntimeError('timeout', `Cannot ${action}: ${detail}`, { detail });
      }
      const { text } = output;
      return {
        exitCode: await exitCodeOf(exec.id, action, isExecFailure(text) ? text : undefined),
        output: text,
      };
    },

    async execStream(id, command, { stdin, tty }) {
      const { action, exec, stream } = await startExec(id, command, { stdin, tty, isSession: true });
      return openSession(stream, {
        stdin,
        tty,
        exitCode: (said) => exitCodeOf(exec.id, action, said),
        resize: ({ columns, rows }) =>
          call('resize terminal', ({ abortSignal }) => exec.resize({ w: columns, h: rows, abortSignal })),
        kill: () => void killExec(id, exec.id).catch(() => undefined),
      });
    },

    async attach(id, { stdin }) {
      await ownership.assertOurs(id);
      const action = `attach to container "${id}"`;
      const container = docker.getContainer(id);
      const info = await call(action, (options) => container.inspect(options));
      const stream = await call(action, ({ abortSignal }) =>
        container.attach({ stream: true, stdin, stdout: true, stderr: true, hijack: true, abortSignal }),
      );
      if (!(stream instanceof Duplex)) throw new RuntimeError('transient', `Cannot ${action}: no stream`);
      return openSession(stream, {
        stdin,
        tty: info.Config.Tty,
        exitCode: async () => {
          const after = await call(action, (options) => container.inspect(options));
          return after.State.Running ? 0 : after.State.ExitCode;
        },
        resize: ({ columns, rows }) =>
          call('resize terminal', ({ abortSignal }) =>
            container.resize({ w: columns, h: rows, abortSignal }),
          ),
        // To detach leaves the container as it is.
        kill: () => undefined,
      });
    },
  };
}

/** Reads a framed stream to its end, keeping at most `limitBytes`; the rest is read and dropped. */
function collect(
  stream: Duplex,
  limitBytes: number,
  clock: Clock,
  timeoutMs: number,
): Promise<{ readonly text: string; readonly timedOut: boolean }> {
  return new Promise((resolve) => {
    const parse = createFrameParser();
    const kept: Buffer[] = [];
    let keptBytes = 0;
    const finish = (timedOut: boolean): void => {
      timer.cancel();
      resolve({ text: Buffer.concat(kept).toString('utf8'), timedOut });
      stream.destroy();
    };
    const timer = clock.setTimer(() => finish(true), timeoutMs);
    stream.on('data', (chunk: Buffer) => {
      for (const { payload } of parse(chunk)) {
        const part = payload.subarray(0, limitBytes - keptBytes);
        if (part.length > 0) kept.push(part);
        keptBytes += part.length;
      }
    });
    onOver(stream, () => finish(false));
  });
}

interface SessionParts {
  readonly stdin: boolean;
  readonly tty: boolean;
  /** `said`: the output that may be the reason of a failed start (exec-failure.ts). */
  exitCode(said: string | undefined): Promise<number>;
  resize: ExecSession['resize'];
  kill(): void;
}

function openSession(stream: Duplex, parts: SessionParts): ExecSession {
  const ended = new Promise<void>((resolve) => onOver(stream, resolve));
  const { stdout, stderr }: { readonly stdout: Readable; readonly stderr?: Readable } = parts.tty
    ? { stdout: stream }
    : splitFrames(stream);
  const didRun = (): Promise<boolean> => done.then(() => true).catch(() => false);
  const held = holdBackExecFailure(stdout, didRun);
  const done = Promise.all([ended, held.said]).then(([, said]) => parts.exitCode(said));
  // A caller may ignore the exit code. Its failure must not be an unhandled rejection.
  done.catch(() => undefined);
  return {
    ...(parts.stdin ? { stdin: stream } : {}),
    stdout: held.output,
    ...(stderr ? { stderr } : {}),
    done,
    resize: (size) => parts.resize(size),
    kill() {
      parts.kill();
      stream.destroy();
    },
  };
}
