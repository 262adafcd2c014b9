/** The shape of a command. Each has a file under commands/; registry.ts lists them. */
import type { Readable, Writable } from 'node:stream';
import type { Command } from 'commander';

/**
 * 0 ok, 1 user error or failed validation, 2 usage, 3 unreachable, 70 bug (sysexits' EX_SOFTWARE).
 * `diff` is as diff(1): 1 changes, 2 user error.
 */
export type ExitCode = 0 | 1 | 2 | 3 | 70;

export interface CliIo {
  readonly stdin: Readable;
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: Writable & { readonly isTTY?: boolean };
}

export interface Invocation {
  readonly io: CliIo;
  /** Arguments that are not flags. */
  readonly args: readonly string[];
  /** By commander's names: `--poll-interval` is `pollInterval`. */
  readonly flags: Readonly<Record<string, string | readonly string[] | boolean | undefined>>;
  /** Aborts at SIGINT and SIGTERM. A second signal ends the process at once. */
  readonly signal: AbortSignal;
}

export interface CommandModule {
  /** Declares arguments and options. */
  configure(command: Command): void;
  /** 1 when left out. */
  readonly userErrorCode?: ExitCode;
  /** Throws UserError (`userErrorCode`) or TransientError (3). Anything else is a bug (70). */
  run(invocation: Invocation): Promise<ExitCode>;
}

export interface CommandEntry {
  readonly summary: string;
  readonly group: 'Run a cluster' | 'Use a cluster' | 'Check';
  /** The purpose of each, and the line to type. */
  readonly examples: readonly (readonly [purpose: string, line: string])[];
  /** Loaded only when the command is used, so that each starts fast. */
  load(): Promise<CommandModule>;
}
