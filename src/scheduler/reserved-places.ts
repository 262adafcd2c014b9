/**
 * Places of pods that are placed, and not bound yet, as their claims wait for volumes. They are
 * memory of this process only: a claim says for which node it waits, so the next process decides
 * the same.
 */
import { keyOf } from '../schemas/object.ts';
import type { Reservation } from './plan-placement.ts';

export interface ReservedPlaces {
  has(pod: string): boolean;
  keep(reservation: Reservation): void;
  drop(pod: string): void;
  /** Whether a pod waits for this claim. */
  claimChanged(claim: string): boolean;
  /** Takes the pods out whose claims changed since. */
  takeDecided(): ReadonlySet<string>;
}

export function createReservedPlaces(): ReservedPlaces {
  const claimsOf = new Map<string, readonly string[]>();
  const usersOf = new Map<string, Set<string>>();
  let decided = new Set<string>();
  const places: ReservedPlaces = {
    has: (pod) => claimsOf.has(pod),
    keep({ pod, claims }) {
      const key = keyOf(pod);
      places.drop(key);
      claimsOf.set(key, claims);
      for (const claim of claims) usersOf.set(claim, (usersOf.get(claim) ?? new Set()).add(key));
    },
    drop(pod) {
      for (const claim of claimsOf.get(pod) ?? []) {
        const users = usersOf.get(claim);
        users?.delete(pod);
        if (users?.size === 0) usersOf.delete(claim);
      }
      claimsOf.delete(pod);
      decided.delete(pod);
    },
    claimChanged(claim) {
      const users = usersOf.get(claim);
      for (const pod of users ?? []) decided.add(pod);
      return users !== undefined;
    },
    takeDecided() {
      const taken = decided;
      decided = new Set();
      for (const pod of taken) places.drop(pod);
      return taken;
    },
  };
  return places;
}
