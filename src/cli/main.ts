/** The entry of `bin/symphony`. */
import { createAbort } from '../base/abort.ts';
import { runCli } from './run-cli.ts';

/** Containers of any user read the agent's files. Private ones have a mode of their own. */
const UMASK = 0o022;
process.umask(UMASK);

const abort = createAbort();
const onSignal = (signal: NodeJS.Signals): void => {
  if (abort.signal.aborted) process.exit(signal === 'SIGINT' ? 130 : 143);
  abort.abort();
};
process.on('SIGINT', onSignal);
process.on('SIGTERM', onSignal);
// A terminal that is closed ends us in the same way.
process.on('SIGHUP', onSignal);
// A reader that goes away (`symphony … | head`) is no error, unless the command says so.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (process.stdout.listenerCount('error') > 1) return;
  if (error.code === 'EPIPE') process.exit(0);
  process.stderr.write(`error: Cannot write the output: ${error.message}\n`);
  process.exit(1);
});

process.exitCode = await runCli(process.argv.slice(2), process, abort.signal);
// Whatever a command may have left open does not keep the process.
setTimeout(() => process.exit(), 1_000).unref();
