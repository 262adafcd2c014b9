/**
 * Connects the network of a container to the pods' network: a pair of virtual interfaces, one end
 * in the container and one on the bridge. An engine that does this itself needs three quarters of a
 * container's start for it (docs/benchmarks.md).
 */
import { existsSync } from 'node:fs';
import { errorMessage } from '../../base/errors.ts';
import { type RunProgram, runJson } from '../run-program.ts';
import {
  type ContainerLink,
  hostEndOf,
  planBridge,
  planHostEnd,
  planPodEnd,
  type PodsNetwork,
} from './plan-container-link.ts';

export interface ContainerLinks {
  /** Whether this process may enter the network of a container, and has the programs for it. */
  isAble(): Promise<boolean>;
  /** Makes the interface of the pods' network, with its address, unless it is there. */
  ensureBridge(bridge: string, network: Omit<PodsNetwork, 'bridge'>): Promise<void>;
  /** Removes it, unless containers are connected to it: answers whether it is gone. */
  removeBridge(bridge: string): Promise<boolean>;
  /**
   * Connects it, or does nothing where it is connected. False: another container has the address.
   * Rejects with what `ip` says.
   */
  connect(link: ContainerLink, network: PodsNetwork): Promise<boolean>;
  /** The container that has the address; empty while it is being connected, undefined for none. */
  ownerOf(address: string, network: PodsNetwork): Promise<string | undefined>;
  disconnect(address: string, network: PodsNetwork): Promise<void>;
}

interface ListedLink {
  readonly mtu: number;
  readonly ifalias?: string;
}

export function createContainerLinks(run: RunProgram): ContainerLinks {
  const hasIpv6 = existsSync('/proc/sys/net/ipv6');

  const inside = (pid: number, args: readonly string[], input?: string): Promise<string> =>
    run('nsenter', [`--net=/proc/${pid}/ns/net`, 'ip', ...args], input);

  /** The kernel removes a link with its container. */
  const unless = async (pattern: RegExp, work: Promise<unknown>): Promise<boolean> => {
    try {
      await work;
      return true;
    } catch (error) {
      if (pattern.test(errorMessage(error))) return false;
      throw error;
    }
  };
  const deleteLink = (name: string): Promise<boolean> =>
    unless(ABSENT, run('ip', ['link', 'delete', 'dev', name]));

  async function listed(name: string): Promise<ListedLink | undefined> {
    try {
      return (await runJson<ListedLink>(run, 'ip', 'link', 'show', 'dev', name))[0];
    } catch (error) {
      if (ABSENT.test(errorMessage(error))) return undefined;
      throw error;
    }
  }

  async function isConnected(link: ContainerLink, { bridge }: PodsNetwork): Promise<boolean> {
    try {
      const [pod, host] = await Promise.all([
        inside(link.pid, ['-oneline', '-4', 'address', 'show', 'dev', 'eth0', 'up']),
        run('ip', ['-oneline', 'link', 'show', 'dev', hostEndOf(link.address, bridge), 'up']),
      ]);
      const owned = [` master ${bridge} `, `alias ${link.containerId}`].every((text) => host.includes(text));
      return owned && pod.includes(` ${link.address}/`);
    } catch {
      // One of the ends is not there.
      return false;
    }
  }

  return {
    isAble: () =>
      inside(process.pid, ['-Version']).then(
        () => true,
        () => false,
      ),
    async ensureBridge(bridge, network) {
      // Another node of this host may be faster.
      await unless(EXISTS, run('ip', ['link', 'add', bridge, 'type', 'bridge']));
      await run('ip', ['-batch', '-'], planBridge({ ...network, bridge }));
    },
    async removeBridge(bridge) {
      if (!(await listed(bridge))) return true;
      if ((await runJson(run, 'ip', 'link', 'show', 'master', bridge)).length > 0) return false;
      await deleteLink(bridge);
      return true;
    },
    async connect(link, network) {
      const mtu = (await listed(network.bridge))?.mtu ?? DEFAULT_MTU;
      const place = { ...network, mtu, hostPid: process.pid, hasIpv6 };
      const podEnd = planPodEnd(link.address, place);
      if (!(await unless(EXISTS, inside(link.pid, ['-batch', '-'], podEnd)))) {
        if (await isConnected(link, network)) return true;
        // An earlier attempt ended half way, or the bridge is a new one.
        await unless(ABSENT, inside(link.pid, ['link', 'delete', 'dev', 'eth0']));
        if (!(await unless(EXISTS, inside(link.pid, ['-batch', '-'], podEnd)))) return false;
      }
      await run('ip', ['-batch', '-'], planHostEnd(link, place));
      return true;
    },
    async ownerOf(address, { bridge }) {
      const found = await listed(hostEndOf(address, bridge));
      return found && (found.ifalias ?? '');
    },
    async disconnect(address, { bridge }) {
      await deleteLink(hostEndOf(address, bridge));
    },
  };
}

const DEFAULT_MTU = 1500;
const EXISTS = /File exists/;
const ABSENT = /Cannot find device|does not exist/;
