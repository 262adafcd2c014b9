/**
 * The pods of this host that have an address of the pods' network, as the agents tell them. The
 * address is the key: the last pod that got it has it.
 */
import type { Pod } from '../schemas/types.ts';

export interface HostPods {
  readonly items: ReadonlyMap<string, Pod>;
  /** The pod has this address, or other labels than before. */
  set(pod: Pod, address: string): void;
  /** The pod has given its address back. */
  delete(uid: string): void;
  /** Told the address. */
  onChange(listener: (address: string) => void): void;
  /**
   * Resolves when a container may have this address. Rejects if the network of the host cannot be
   * made ready for it.
   */
  prepare(address: string): Promise<void>;
  /** Parts add what has to be done before. */
  beforeUse(prepare: (address: string) => Promise<void>): void;
}

export function createHostPods(): HostPods {
  const items = new Map<string, Pod>();
  const addresses = new Map<string, string>();
  const listeners: ((address: string) => void)[] = [];
  const preparations: ((address: string) => Promise<void>)[] = [];
  const tell = (address: string): void => listeners.forEach((listener) => listener(address));

  function remove(uid: string): void {
    const address = addresses.get(uid);
    addresses.delete(uid);
    if (address === undefined || items.get(address)?.metadata.uid !== uid) return;
    items.delete(address);
    tell(address);
  }

  return {
    items,
    set(pod, address) {
      const { uid = '' } = pod.metadata;
      if (addresses.get(uid) !== address) remove(uid);
      addresses.set(uid, address);
      items.set(address, pod);
      tell(address);
    },
    delete: remove,
    onChange: (listener) => void listeners.push(listener),
    async prepare(address) {
      for (const prepare of preparations) await prepare(address);
    },
    beforeUse: (prepare) => void preparations.push(prepare),
  };
}
