/**
 * The interface of the pods' network, and settings of the kernel that an engine sets differently or
 * not at all. They are lost when the interface is made anew.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { errorMessage } from '../../base/errors.ts';
import { type RunProgram, runJson } from '../run-program.ts';
import { hostEndPrefixOf, planBridge, type PodsNetwork } from './plan-container-link.ts';

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

interface InterfaceJson {
  readonly flags?: readonly string[];
  readonly addr_info?: readonly { readonly local?: string }[];
}

interface EndJson {
  readonly ifname: string;
  readonly master?: string;
}

/**
 * Makes the interface again where somebody has deleted it, connects the links of pods to it, and
 * sets it up where somebody has set it down or taken its address. Answers whether it changed
 * anything.
 */
export async function ensureInterface(network: PodsNetwork, run: RunProgram): Promise<boolean> {
  const { bridge, gateway } = network;
  const ends = await runJson<EndJson>(run, 'ip', 'link', 'show', 'type', 'veth');
  const found = await findInterface(bridge, run);
  const isRight =
    found?.flags?.includes('UP') === true && found.addr_info?.some(({ local }) => local === gateway) === true;
  const prefix = hostEndPrefixOf(bridge);
  const loose = ends.filter(({ ifname, master }) => ifname.startsWith(prefix) && master !== bridge);
  const connect = loose.map(({ ifname }) => `link set ${ifname} master ${bridge}\n`).join('');
  if (isRight && connect === '') return false;
  if (!found) await run('ip', ['link', 'add', bridge, 'type', 'bridge']);
  if (!isRight) await run('ip', ['-batch', '-'], planBridge(network));
  // A pod may end meanwhile.
  if (connect !== '') await run('ip', ['-force', '-batch', '-'], connect);
  return true;
}

async function findInterface(bridge: string, run: RunProgram): Promise<InterfaceJson | undefined> {
  try {
    return (await runJson<InterfaceJson>(run, 'ip', 'address', 'show', 'dev', bridge))[0];
  } catch (error) {
    if (errorMessage(error).includes('does not exist')) return undefined;
    throw error;
  }
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
