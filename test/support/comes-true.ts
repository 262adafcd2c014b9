import { vi } from 'vitest';

/** Ends a wait in vain; far above what any condition takes on a busy machine. */
const IN_VAIN_MS = 120_000;
const POLL_MS = 50;

/** Asserts again until it holds. */
export const comesTrue = <T>(assert: () => T | Promise<T>): Promise<T> =>
  vi.waitFor(assert, { timeout: IN_VAIN_MS, interval: POLL_MS });
