/** Leases of the memory store. */
import { type Fence, FenceLost, type HeldLease } from '../../../src/store/types.ts';
import type { MemoryData } from './memory-data.ts';

export function checkFence(data: MemoryData, fence: Fence): void {
  const lease = data.leases.get(fence.lease);
  const isHeld = lease?.token === fence.token && lease.holder !== '';
  if (!isHeld || lease.expiresAtMs <= data.clock.now())
    throw new FenceLost(`Cannot commit: the lease "${fence.lease}" has expired or passed on`);
}

export function acquireLease(
  data: MemoryData,
  lease: string,
  holder: string,
  ttlMs: number,
): HeldLease | undefined {
  const now = data.clock.now();
  const current = data.leases.get(lease);
  const free = !current || current.holder === '' || current.expiresAtMs <= now;
  if (!free && current.holder !== holder) return undefined;
  const kept = current?.holder === holder ? current.token : undefined;
  const token = kept ?? Math.max((current?.token ?? 0) + 1, now * 1000);
  data.leases.set(lease, { holder, token, expiresAtMs: now + ttlMs });
  return { token, expiresAtMs: now + ttlMs };
}

export function releaseLease(data: MemoryData, lease: string, holder: string): void {
  const current = data.leases.get(lease);
  if (current?.holder === holder) data.leases.set(lease, { ...current, holder: '', expiresAtMs: 0 });
}
