/** From arguments to an exit code: picks the command, loads only that one, and says what went wrong in one place. */
import { Command, CommanderError } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { errorMessage, TransientError, UserError } from '../base/errors.ts';
import { isRecord } from '../base/json.ts';
import { isStatusError } from '../schemas/status.ts';
import type { CliIo, CommandEntry, ExitCode } from './command.ts';
import { printable } from '../base/printable.ts';
import { commands } from './registry.ts';

/** Errors of a connection that never came about, or broke: the other side is unreachable. */
const UNREACHABLE: readonly unknown[] = [
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EPIPE',
  'UND_ERR_CONNECT_TIMEOUT',
];

export async function runCli(
  argv: readonly string[],
  io: CliIo,
  signal: AbortSignal,
  registry: ReadonlyMap<string, CommandEntry> = commands,
): Promise<ExitCode> {
  try {
    return await dispatch(argv, io, signal, registry);
  } catch (error) {
    return report(error, io);
  }
}

async function dispatch(
  argv: readonly string[],
  io: CliIo,
  signal: AbortSignal,
  registry: ReadonlyMap<string, CommandEntry>,
): Promise<ExitCode> {
  const chosen = argv.find((argument) => registry.has(argument));
  let result: ExitCode = 0;
  const program = new Command('symphony')
    .description('Keeps a fleet of Docker hosts equal to a Git repository of Kubernetes manifests.')
    .version(packageJson.version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
    })
    .showHelpAfterError('(symphony --help lists the commands and options)');
  for (const [name, entry] of registry) {
    const command = program.command(name).description(entry.summary).copyInheritedSettings(program);
    if (name !== chosen) continue;
    const module = await entry.load();
    module.configure(command);
    command.action(async () => {
      result = await module.run({ io, args: command.args, flags: command.opts(), signal });
    });
  }
  if (argv.length === 0) {
    program.outputHelp({ error: true });
    return 2;
  }
  await program.parseAsync([...argv], { from: 'user' });
  return result;
}

function report(error: unknown, io: CliIo): ExitCode {
  // Commander has already printed its message (or the help that was asked for).
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const lines = printable(errorMessage(error), { newlines: true });
  if (error instanceof UserError || (isStatusError(error) && error.code < 500)) {
    io.stderr.write(`error: ${lines}\n`);
    return 1;
  }
  if (error instanceof TransientError || isStatusError(error) || isUnreachable(error)) {
    io.stderr.write(`error: unreachable: ${lines}\n`);
    return 3;
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  io.stderr.write(`symphony failed in a way it should not; please report this:\n${stack}\n`);
  return 70;
}

function isUnreachable(error: unknown): boolean {
  for (let current = error, depth = 0; isRecord(current) && depth < 5; depth++) {
    if (UNREACHABLE.includes(current['code'])) return true;
    current = current['cause'];
  }
  return false;
}
