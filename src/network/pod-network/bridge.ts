/**
 * Settings of the kernel that the pods' network needs, and that an engine sets differently or not at
 * all. They are lost when the interface is made anew.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { errorMessage } from '../../base/errors.ts';
import { type RunProgram, runJson } from '../run-program.ts';

interface KernelSetting {
  readonly path: string;
  readonly value: string;
  /** Says the effect of a missing setting. */
  readonly without: string;
}

/** Files below /proc/sys, in the network of the process. */
export interface KernelFiles {
  read(path: string): Promise<string>;
  write(path: string, text: string): Promise<void>;
}

export const kernelFiles: KernelFiles = {
  read: (path) => readFile(path, 'utf8'),
  write: (path, text) => writeFile(path, text),
};

const kernelSettings = (bridge: string): readonly KernelSetting[] => [
  // Pods have the whole cluster's range on one link. The host answers for pods of other hosts,
  {
    path: `/proc/sys/net/ipv4/conf/${bridge}/proxy_arp`,
    value: '1',
    without: 'pods of other hosts are not found',
  },
  // and at once: the usual delay would hold the first packet.
  {
    path: `/proc/sys/net/ipv4/neigh/${bridge}/proxy_delay`,
    value: '0',
    without: 'first packets to pods of other hosts wait for most of a second',
  },
  { path: '/proc/sys/net/ipv4/ip_forward', value: '1', without: 'no pod reaches another host' },
  {
    path: '/proc/sys/net/bridge/bridge-nf-call-iptables',
    value: '1',
    without: 'pods do not reach pods of the same host through Services (modprobe br_netfilter)',
  },
];

/** Answers what could not be set. */
export async function ensureKernelSettings(bridge: string, files: KernelFiles): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const { path, value, without } of kernelSettings(bridge))
    try {
      if ((await files.read(path)).trim() !== value) await files.write(path, value);
    } catch (error) {
      problems.push(`Cannot set ${path} to ${value}, and without it ${without}: ${errorMessage(error)}`);
    }
  return problems;
}

interface PortJson {
  readonly ifname: string;
  readonly master?: string;
  readonly hairpin?: boolean;
}

/** A pod reaches itself through a Service only where its port sends back what came from it. */
export async function ensureHairpins(bridge: string, run: RunProgram): Promise<void> {
  const ports = await runJson<PortJson>(run, 'bridge', '-details', 'link', 'show');
  const commands = ports
    .filter(({ master, hairpin }) => master === bridge && hairpin === false)
    .map(({ ifname }) => `link set dev ${ifname} hairpin on\n`);
  // A port may be gone by now.
  if (commands.length > 0) await run('bridge', ['-force', '-batch', '-'], commands.join(''));
}
