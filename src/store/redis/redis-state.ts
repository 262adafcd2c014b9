/** The condition of the data, and leases. */
import { type ClusterState, type HeldLease, type StatePosition } from '../types.ts';
import { type RedisData, readMeta } from './redis-data.ts';
import { ACQUIRE_LEASE, RELEASE_LEASE, SET_STATE } from './redis-scripts.ts';
import { runScript } from './script-runner.ts';

const stateOf = (epoch: string, phase: string | null | undefined): ClusterState => ({
  epoch,
  phase: phase === 'rebuilding' ? 'rebuilding' : 'normal',
});

export async function readState(data: RedisData): Promise<ClusterState | undefined> {
  const [epoch, phase] = await readMeta(data, 'epoch', 'phase');
  return epoch ? stateOf(epoch, phase) : undefined;
}

export async function checkState(data: RedisData): Promise<StatePosition | undefined> {
  const check = data.history.expect();
  const [epoch, phase, last] = await readMeta(data, 'epoch', 'phase', 'last');
  if (!epoch) return undefined;
  if (epoch === data.history.epoch) check(epoch, last);
  return { ...stateOf(epoch, phase), version: last ?? '0' };
}

export async function setState(
  { redis, keys, history }: RedisData,
  next: ClusterState,
  expected: ClusterState | undefined,
): Promise<boolean> {
  const args = [next.epoch, next.phase, expected?.epoch ?? '', expected?.phase ?? '', history.floor];
  const [outcome, last] = (await runScript(redis, SET_STATE, [keys.meta], args)) as readonly string[];
  if (outcome !== 'OK') return false;
  history.adopt(next.epoch, Number(last));
  return true;
}

export async function acquireLease(
  { redis, keys }: RedisData,
  lease: string,
  holder: string,
  ttlMs: number,
): Promise<HeldLease | undefined> {
  const reply = await runScript(redis, ACQUIRE_LEASE, [keys.lease(lease)], [holder, ttlMs]);
  if (!reply) return undefined;
  const [token, expiresAtMs] = reply as readonly string[];
  return { token: Number(token), expiresAtMs: Number(expiresAtMs) };
}

export async function releaseLease({ redis, keys }: RedisData, lease: string, holder: string): Promise<void> {
  await runScript(redis, RELEASE_LEASE, [keys.lease(lease)], [holder]);
}
