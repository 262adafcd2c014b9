/** Our chain in the host's firewall, by the programs of iptables. */
import type { RunProgram } from '../run-program.ts';
import { type FirewallSettings, parseFirewall, planFirewall } from './plan-firewall.ts';

const RESTORE = ['--noflush', '--wait', '10'];

/** Answers whether something was changed. */
export async function ensureFirewall(settings: FirewallSettings, run: RunProgram): Promise<boolean> {
  return restore(planFirewall(parseFirewall(await run('iptables-save', [])), settings), run);
}

async function restore(commands: string | undefined, run: RunProgram): Promise<boolean> {
  if (commands !== undefined) await run('iptables-restore', RESTORE, commands);
  return commands !== undefined;
}
