/**
 * Whether this process can make a network of pods on this host. Where it cannot, pods have the ports
 * of the host alone: they run, and `hostPort` works.
 */
import { readFile } from 'node:fs/promises';
import { errorMessage } from '../base/errors.ts';
import type { NetworkMode } from './pod-network/plan-links.ts';
import type { RunProgram } from './run-program.ts';

export interface HostAbilityOptions {
  readonly mode: NetworkMode;
  readonly dockerHost: string;
  /** The interface of the pods' network, where the engine has said so. */
  readonly bridge: string | undefined;
  readonly run: RunProgram;
  /** `/proc/self/status`. */
  readonly readStatus?: () => Promise<string>;
}

/** A call that shows that each program works, and the package that brings it. */
const PROGRAMS = [
  ['ip', ['-Version'], 'iproute2'],
  ['bridge', ['-Version'], 'iproute2'],
  ['nft', ['list', 'tables'], 'nftables'],
] as const;

/** Bit 12 of the capabilities (capabilities(7)). */
const CAP_NET_ADMIN = 1n << 12n;

/** Why pods have the ports of the host alone, and how to mend it. Undefined where they have more. */
export async function whyHostPortsOnly(options: HostAbilityOptions): Promise<string | undefined> {
  const why = await obstacle(options);
  return why === undefined ? undefined : `Pods here have the ports of the host alone (hostPort): ${why}`;
}

async function obstacle(options: HostAbilityOptions): Promise<string | undefined> {
  const { mode, dockerHost, bridge, run } = options;
  if (mode === 'none') return '--network=none was asked for';
  if (!dockerHost.startsWith('unix:'))
    return `the Docker Engine ${dockerHost} is on another machine. Start an agent on that machine`;
  const { readStatus = () => readFile('/proc/self/status', 'utf8') } = options;
  const status = await readStatus().catch(() => '');
  const [, capabilities] = /^CapEff:\s*([0-9a-f]+)$/m.exec(status) ?? [];
  if (capabilities === undefined || (BigInt(`0x${capabilities}`) & CAP_NET_ADMIN) === 0n)
    return 'this process may not change the network of the host. Start it as root, or with the capability NET_ADMIN';
  for (const [program, args, debian] of PROGRAMS)
    try {
      await run(program, args);
    } catch (error) {
      return `the program ${program} does not work (${errorMessage(error)}). Install it (Debian: ${debian})`;
    }
  if (bridge !== undefined && !(await isVisible(bridge, run)))
    return `interface ${bridge} of the Docker Engine is not to be seen from here. Give the agent's container the network of the host (docker run --network host --cap-add NET_ADMIN)`;
  return undefined;
}

const isVisible = (device: string, run: RunProgram): Promise<boolean> =>
  run('ip', ['link', 'show', 'dev', device]).then(
    () => true,
    () => false,
  );
