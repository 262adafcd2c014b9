/** The address of each pod on this node. Pods that were here before claim theirs again. */
import { type PodAddresses, StepProblem } from '../ports.ts';
import { parseRange, planAddress } from './ip-allocator.ts';

export interface PodAddressBook extends PodAddresses {
  setRange(cidr: string): void;
  /** An address that a pod already has. */
  claim(uid: string, address: string): void;
  readonly all: readonly string[];
}

export interface PodAddressBookOptions {
  /** Ensures that the pods' network exists and that the address leads into it. */
  verify(address: string): Promise<void>;
  /** Addresses that are never assigned, such as the network's gateway. */
  readonly reserved: readonly string[];
  /** Addresses of containers that no pod has claimed yet, and that may still be alive. */
  held(): readonly string[];
  /** An address came back after a pod had asked in vain. */
  onFree(): void;
}

export function createPodAddresses(options: PodAddressBookOptions): PodAddressBook {
  const byUid = new Map<string, string>();
  let cidr: string | undefined;
  let last: string | undefined;
  let askedInVain = false;
  return {
    setRange(next) {
      cidr = next;
    },
    claim(uid, address) {
      byUid.set(uid, address);
    },
    allocate(uid) {
      const known = byUid.get(uid);
      if (known !== undefined) return known;
      const range = cidr === undefined ? undefined : parseRange(cidr);
      if (!range)
        throw new StepProblem('NetworkNotReady', 'network is not ready: the node has no podCIDR yet');
      const taken = new Set([...byUid.values(), ...options.held(), ...options.reserved]);
      const address = planAddress(range, taken, last);
      if (address === undefined) {
        askedInVain = true;
        throw new StepProblem('FailedCreatePodSandBox', `no address is left in ${cidr ?? ''}`);
      }
      last = address;
      byUid.set(uid, address);
      return address;
    },
    verify: options.verify,
    get all() {
      return [...byUid.values()];
    },
    release(uid) {
      if (!byUid.delete(uid) || !askedInVain) return;
      askedInVain = false;
      options.onFree();
    },
  };
}
