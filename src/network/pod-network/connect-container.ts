/**
 * Connects the network of a container to the pods' network: a pair of virtual interfaces, one end
 * in the container and one on the bridge. An engine that does this itself needs three quarters of a
 * container's start for it (docs/benchmarks.md).
 */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { errorMessage } from '../../base/errors.ts';
import type { RunProgram } from '../run-program.ts';
import {
  type ContainerLink,
  hostEndOf,
  type LinkPlace,
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
  /** Connects it; what an earlier attempt left in it is made anew. Rejects with what `ip` says. */
  connect(link: ContainerLink, network: PodsNetwork): Promise<void>;
  isConnected(link: ContainerLink, network: PodsNetwork): Promise<boolean>;
  /** The container that has the address; empty while it is being connected, undefined for none. */
  ownerOf(address: string, network: PodsNetwork): Promise<string | undefined>;
  disconnect(address: string, network: PodsNetwork): Promise<void>;
}

const DEFAULT_MTU = 1500;

export function createContainerLinks(run: RunProgram): ContainerLinks {
  const hasIpv6 = existsSync('/proc/sys/net/ipv6');

  const inside = (pid: number, args: readonly string[], input?: string): Promise<string> =>
    run('nsenter', [`--net=/proc/${pid}/ns/net`, 'ip', ...args], input);

  async function deleteLink(name: string): Promise<void> {
    await run('ip', ['link', 'delete', 'dev', name]).catch((error: unknown) => {
      // The kernel removes a link with its container.
      if (!/Cannot find device/.test(errorMessage(error))) throw error;
    });
  }

  async function placeOf(network: PodsNetwork): Promise<LinkPlace> {
    const mtu = await readFile(`/sys/class/net/${network.bridge}/mtu`, 'utf8').catch(() => '');
    return { ...network, mtu: Number(mtu) || DEFAULT_MTU, hostPid: process.pid, hasIpv6 };
  }

  return {
    isAble: () =>
      inside(process.pid, ['-Version']).then(
        () => true,
        () => false,
      ),
    async ensureBridge(bridge, network) {
      if (existsSync(`/sys/class/net/${bridge}`)) return;
      await run('ip', ['link', 'add', bridge, 'type', 'bridge']).catch((error: unknown) => {
        // Another node of this host was faster.
        if (!/File exists/.test(errorMessage(error))) throw error;
      });
      await run('ip', ['-batch', '-'], planBridge({ ...network, bridge }));
    },
    async removeBridge(bridge) {
      const ports = await readdir(`/sys/class/net/${bridge}/brif`).catch(() => undefined);
      if (ports === undefined) return true;
      if (ports.length > 0) return false;
      await deleteLink(bridge);
      return true;
    },
    async connect(link, network) {
      const place = await placeOf(network);
      const podEnd = planPodEnd(link.address, place);
      try {
        await inside(link.pid, ['-batch', '-'], podEnd);
      } catch (error) {
        // An earlier attempt ended half way.
        if (!/File exists/.test(errorMessage(error))) throw error;
        await inside(link.pid, ['link', 'delete', 'dev', 'eth0']);
        await inside(link.pid, ['-batch', '-'], podEnd);
      }
      await run('ip', ['-batch', '-'], planHostEnd(link, place));
    },
    async ownerOf(address, { bridge }) {
      const path = `/sys/class/net/${hostEndOf(address, bridge)}/ifalias`;
      const alias = await readFile(path, 'utf8').catch(() => undefined);
      return alias?.trim();
    },
    disconnect: (address, { bridge }) => deleteLink(hostEndOf(address, bridge)),
    async isConnected(link, { bridge }) {
      try {
        const [pod, host] = await Promise.all([
          inside(link.pid, ['-oneline', '-4', 'address', 'show', 'dev', 'eth0', 'up']),
          run('ip', ['-oneline', 'link', 'show', 'dev', hostEndOf(link.address, bridge), 'up']),
        ]);
        const owned = [` master ${bridge} `, `alias ${link.containerId}`].every((text) =>
          host.includes(text),
        );
        return owned && pod.includes(` ${link.address}/`);
      } catch {
        // One of the ends is not there.
        return false;
      }
    },
  };
}
