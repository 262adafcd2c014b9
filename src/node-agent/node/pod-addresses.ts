/** The address of each pod on this node. Addresses of pods that were here before come back from their records. */
import { type PodAddresses, StepProblem } from '../ports.ts';
import { parseRange, planAddress } from './ip-allocator.ts';

export interface PodAddressBook extends PodAddresses {
  setRange(cidr: string): void;
  /** An address that a pod already has. */
  claim(uid: string, address: string): void;
  readonly all: readonly string[];
}

export interface PodAddressBookOptions {
  /** Makes sure that the pods' network exists and that the address leads into it; see pod-network.ts. */
  verify(address: string): Promise<void>;
  /** Addresses that must not be given out, such as the network's gateway. */
  readonly reserved: readonly string[];
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
      const range = cidr === undefined ? undefined : parseRange(cidr);
      if (!range) {
        throw new StepProblem('NetworkNotReady', 'network is not ready: the node has no podCIDR yet');
      }
      const known = byUid.get(uid);
      if (known !== undefined) return known;
      const address = planAddress(range, new Set([...byUid.values(), ...options.reserved]), last);
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
