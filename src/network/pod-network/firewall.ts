/** Our chain in the host's firewall, by the programs of iptables. */
import { errorMessage } from '../../base/errors.ts';
import type { RunProgram } from '../run-program.ts';
import { type FirewallSettings, parseFirewall, planFirewall } from './plan-firewall.ts';

const RESTORE = ['--noflush', '--wait', '10'];

/** Without iptables on the host, Docker has no rules of it either. */
const MISSING = /ENOENT|failed to execute|ended with 127/;

export async function ensureFirewall(settings: FirewallSettings, run: RunProgram): Promise<void> {
  const saved = await run('iptables-save', []).catch((error: unknown) => {
    if (MISSING.test(errorMessage(error))) return '';
    throw error;
  });
  const commands = planFirewall(parseFirewall(saved), settings);
  if (commands !== undefined) await run('iptables-restore', RESTORE, commands);
}
