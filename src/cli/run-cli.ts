/** From arguments to an exit code: loads only the command that is named, and reports its errors. */
import { Command, CommanderError } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { errorMessage, TransientError, UserError } from '../base/errors.ts';
import { isRecord } from '../base/json.ts';
import { RuntimeError } from '../node-agent/runtime/types.ts';
import { isStatusError } from '../schemas/errors/status.ts';
import { StoreUnavailable } from '../store/types.ts';
import type { CliIo, CommandEntry, ExitCode } from './run/command.ts';
import { addCommandHelp, configureHelp, PROGRAM_EPILOGUE } from './run/help.ts';
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

/** Errors of the operating system that no program can help: what the user has to look after. */
const ENVIRONMENT: Readonly<Record<string, string>> = {
  EACCES: 'permission denied; run as another user, or change the permissions',
  EBUSY: 'the file or device is in use',
  EDQUOT: 'the disk quota is used up; free some space, or choose another directory',
  EEXIST: 'something of that name is in the way',
  EFBIG: 'the file is larger than the system allows',
  EIO: 'the disk reports an error',
  EISDIR: 'a directory is where a file is expected',
  ELOOP: 'too many symbolic links',
  EMFILE: 'too many open files; raise the limit (ulimit -n)',
  ENAMETOOLONG: 'the path is too long',
  ENFILE: 'too many open files on this machine',
  ENOENT: 'there is no such file or directory',
  ENODEV: 'there is no such device',
  ENOMEM: 'no memory is left',
  ENOSPC: 'no space is left on the device; free some space, or choose another directory',
  ENOTDIR: 'a part of the path is not a directory',
  ENOTEMPTY: 'the directory is not empty',
  ENXIO: 'there is no such device',
  EPERM: 'the operation is not permitted to this user',
  EROFS: 'the file system is read-only; choose another directory',
  ESTALE: 'the network file system has lost the file',
  ETXTBSY: 'the file is being executed',
};

/** `ENOENT: no such file or directory, open 'x'`: the table says it in other words. */
const NODE_PREFIX = /^E[A-Z]+: [^,]*, /;

export async function runCli(
  argv: readonly string[],
  io: CliIo,
  signal: AbortSignal,
  registry: ReadonlyMap<string, CommandEntry> = commands,
): Promise<ExitCode> {
  const codes: { userError: ExitCode } = { userError: 1 };
  try {
    return await dispatch(argv, io, signal, registry, codes);
  } catch (error) {
    return report(error, io, codes.userError);
  }
}

async function dispatch(
  argv: readonly string[],
  io: CliIo,
  signal: AbortSignal,
  registry: ReadonlyMap<string, CommandEntry>,
  codes: { userError: ExitCode },
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
    .addHelpText('after', PROGRAM_EPILOGUE)
    .showHelpAfterError('("symphony --help" lists the commands, "symphony COMMAND --help" the flags of one)');
  configureHelp(program, io);
  for (const [name, entry] of registry) {
    const command = program.command(name).copyInheritedSettings(program);
    addCommandHelp(command, entry);
    if (name !== chosen) continue;
    const module = await entry.load();
    module.configure(command);
    codes.userError = module.userErrorCode ?? 1;
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

function report(error: unknown, io: CliIo, userErrorCode: ExitCode): ExitCode {
  // Commander has already printed its message (or the help that was asked for).
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  // The end has failed as well; why it came tells more.
  if (isRecord(error) && 'suppressed' in error) return report(error['suppressed'], io, userErrorCode);
  const lines = printable(errorMessage(error), { newlines: true });
  if (error instanceof UserError || (isStatusError(error) && error.code < 500)) {
    io.stderr.write(`error: ${lines}\n`);
    return userErrorCode;
  }
  const isAway = error instanceof TransientError || error instanceof StoreUnavailable;
  if (isAway || isStatusError(error) || isUnreachable(error)) {
    io.stderr.write(`error: unreachable: ${lines}\n`);
    return 3;
  }
  if (error instanceof RuntimeError) {
    const isEngineAway = error.code === 'unavailable';
    io.stderr.write(`error: ${isEngineAway ? 'unreachable: ' : ''}${lines}\n`);
    return isEngineAway ? 3 : userErrorCode;
  }
  const cause = environmentCause(error);
  if (cause !== undefined) {
    io.stderr.write(`error: ${lines.replace(NODE_PREFIX, 'Cannot ')}: ${cause}\n`);
    return userErrorCode;
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  io.stderr.write(
    `symphony failed in a way it should not; please report this:\n${printable(stack, { newlines: true })}\n`,
  );
  return 70;
}

const isUnreachable = (error: unknown): boolean =>
  causes(error).some(({ code }) => UNREACHABLE.includes(code));

function environmentCause(error: unknown): string | undefined {
  for (const { code } of causes(error))
    if (typeof code === 'string' && Object.hasOwn(ENVIRONMENT, code)) return ENVIRONMENT[code];
  return undefined;
}

const MAX_CAUSES = 5;

/** The error and what caused it, of several at once every one. */
function causes(error: unknown, depth = 0): readonly Readonly<Record<string, unknown>>[] {
  if (!isRecord(error) || depth >= MAX_CAUSES) return [];
  const several: readonly unknown[] = Array.isArray(error['errors'])
    ? error['errors'].slice(0, MAX_CAUSES)
    : [];
  return [error, ...[error['cause'], ...several].flatMap((next) => causes(next, depth + 1))];
}
