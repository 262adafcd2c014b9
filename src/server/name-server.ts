/** The entry of a process that an agent starts: the DNS server of its host. */
import { createAbort } from '../base/abort.ts';
import { systemClock } from '../base/clock.ts';
import { createLogger } from '../base/logger.ts';
import { systemRng } from '../base/rng.ts';
import { type NameServerSettings, serveNames } from '../network/dns/process/serve-names.ts';

const abort = createAbort();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => abort.abort());
// The terminal of the agent may close; the host goes on.
process.on('SIGHUP', () => undefined);

const settings = JSON.parse(process.argv[2] ?? '') as NameServerSettings;
await serveNames(settings, {
  clock: systemClock,
  rng: systemRng,
  logger: createLogger({ level: 'info' }),
  signal: abort.signal,
});
process.exit(0);
