/**
 * The lifetime of the pages of a list. Tokens carry no time, as upstream: equal lists have equal
 * tokens. So each server keeps when it began a list of a version, or first met it in a token.
 */
import { setRecent } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';

/** Clients count on the compaction of upstream's store, every five minutes. */
export const CONTINUE_LIFETIME_MS = 5 * 60 * 1_000;
/** The oldest are forgotten, and their tokens live on. */
const MAX_VERSIONS = 10_000;

export interface PageAges {
  /** A first page was made of this version. */
  began(resource: string, version: string): void;
  isOver(resource: string, version: string): boolean;
}

export function createPageAges(clock: Clock): PageAges {
  const began = new Map<string, number>();
  const begin = (key: string): void => setRecent(began, key, clock.now(), MAX_VERSIONS);
  return {
    began: (resource, version) => begin(`${resource} ${version}`),
    isOver(resource, version) {
      const key = `${resource} ${version}`;
      const sinceMs = began.get(key);
      if (sinceMs === undefined) begin(key);
      return sinceMs !== undefined && clock.now() - sinceMs > CONTINUE_LIFETIME_MS;
    },
  };
}
