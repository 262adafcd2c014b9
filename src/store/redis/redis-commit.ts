/** Arguments of the commit script (redis-scripts.ts), and the meaning of its reply. Pure. */
import type { KubeObject } from '../../schemas/object.ts';
import type { ResourceId } from '../../schemas/resource-kind.ts';
import { LOG_SLACK } from '../limits.ts';
import {
  CommitRefused,
  type CommitResult,
  EpochChanged,
  type Fence,
  FenceLost,
  type StoreOp,
  StoreUnavailable,
} from '../types.ts';
import type { RedisKeys } from './redis-keys.ts';
import type { StoredObjects } from './stored-objects.ts';

export interface CommitInput {
  readonly id: string;
  readonly keys: RedisKeys;
  readonly ops: readonly StoreOp[];
  readonly payloads: readonly string[];
  readonly epoch: string;
  readonly seen: number;
  readonly floor: number;
  readonly fence: Fence | undefined;
  readonly logLimit: number;
  readonly logBytes: number;
}

const CODES = { create: 'c', update: 'u', delete: 'd', check: 'k' } as const;

export function commitArguments(input: CommitInput): { keys: readonly string[]; args: readonly string[] } {
  const { keys, ops, payloads, fence } = input;
  const numbers = new Map<ResourceId, number>();
  for (const { resource } of ops) if (!numbers.has(resource)) numbers.set(resource, numbers.size + 1);
  const scriptKeys = [keys.meta, fence ? keys.lease(fence.lease) : keys.meta, keys.commit(input.id)];
  for (const resource of numbers.keys()) scriptKeys.push(keys.objects(resource), keys.log(resource));
  const args = [
    input.epoch,
    String(input.seen),
    String(input.floor),
    fence ? String(fence.token) : '',
    String(input.logLimit),
    String(withSlack(input.logLimit)),
    String(input.logBytes),
    String(withSlack(input.logBytes)),
    String(ops.length),
    String(numbers.size),
    ...numbers.keys(),
  ];
  ops.forEach((op, index) => {
    const expected = expectedOf(op);
    args.push(CODES[op.type], String(numbers.get(op.resource)), op.key, expected, payloads[index] ?? '');
  });
  return { keys: scriptKeys, args };
}

const withSlack = (limit: number): number => Math.floor(limit * (1 + LOG_SLACK));

/** The version that the script compares: '' for none, '0' (nothing has it) for a malformed one. */
function expectedOf(op: StoreOp): string {
  if (op.type === 'create' || (op.type === 'check' && op.expectedVersion === undefined)) return '';
  return op.expectedVersion === '' || op.expectedVersion === undefined ? '0' : op.expectedVersion;
}

/** Throws what the script refused. */
export function commitResult(
  reply: readonly unknown[],
  ops: readonly StoreOp[],
  fence: Fence | undefined,
  stored: StoredObjects,
): CommitResult {
  const [outcome] = reply;
  switch (outcome) {
    case 'OK':
      return written(reply, ops, stored);
    case 'EPOCH':
      throw new EpochChanged('Cannot commit: the data is not the data that was opened');
    case 'LOST':
      throw new EpochChanged('Cannot commit: the data has lost changes');
    case 'VOID':
      throw new StoreUnavailable('Cannot commit: it was given up before it came');
    case 'FENCE':
      throw new FenceLost(`Cannot commit: the lease "${fence?.lease ?? ''}" has passed on`);
    case 'REFUSED':
      throw refused(Number(reply[1]), reply[2] as string, reply[3] === 'newer', ops);
    default:
      throw new Error(`Unexpected reply of the commit script: ${String(outcome)}`);
  }
}

function written(reply: readonly unknown[], ops: readonly StoreOp[], stored: StoredObjects): CommitResult {
  const [, version, first, deletedPayloads] = reply as [string, string, string, readonly string[]];
  const deleted = deletedPayloads.values();
  let next = Number(first);
  const objects = ops.map((op): KubeObject | undefined => {
    if (op.type === 'check') return undefined;
    const text = String(next);
    next += 1;
    if (op.type === 'delete') return lastState(op, deleted.next().value ?? '', text, stored);
    return stored.committed(op, text);
  });
  return { objects, version };
}

/** Undefined where it cannot be read: the object is gone all the same. */
function lastState(
  op: StoreOp & { readonly type: 'delete' },
  payload: string,
  version: string,
  stored: StoredObjects,
): KubeObject | undefined {
  try {
    return stored.decode(op.resource, op.key, payload, version);
  } catch {
    return undefined;
  }
}

function refused(index: number, actual: string, isNewer: boolean, ops: readonly StoreOp[]): CommitRefused {
  const op = ops[index] as StoreOp;
  if (isNewer) return new CommitRefused('newer', index, op, actual);
  if (actual === '') return new CommitRefused('missing', index, op);
  const expected = op.type === 'create' ? undefined : op.expectedVersion;
  return new CommitRefused(expected === undefined ? 'exists' : 'stale', index, op, actual);
}
