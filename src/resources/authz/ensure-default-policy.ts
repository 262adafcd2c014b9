/**
 * Makes sure that the default roles and bindings are there when a server starts. Any number of
 * servers may do it at once: a server that loses a race plans again.
 */
import type { Logger } from '../../base/logger.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { RBAC_GROUP } from '../../schemas/rbac.ts';
import { isStatusError } from '../../schemas/errors/status.ts';
import type { BoundWriter } from '../writing/write-plan.ts';
import type { Store } from '../../store/types.ts';
import { defaultPolicy } from './default-policy.ts';
import { planDefaultPolicy, policyKey, type PolicyObject } from './plan-default-policy.ts';

export interface EnsurePolicyOptions {
  readonly store: Store;
  readonly writer: BoundWriter;
  readonly logger: Logger;
  /** Beyond Kubernetes' own. */
  readonly more?: readonly PolicyObject[];
}

const RESOURCES = ['clusterroles', 'clusterrolebindings', 'roles', 'rolebindings'] as const;
/** A second round makes bindings anew; the rest is for lost races. */
const MAX_ROUNDS = 8;

export async function ensureDefaultPolicy(options: EnsurePolicyOptions): Promise<void> {
  const { store, writer, logger } = options;
  const wanted = [...defaultPolicy, ...(options.more ?? [])];
  for (let round = 1; round <= MAX_ROUNDS; round += 1) {
    const writes = planDefaultPolicy(wanted, await readPolicy(store));
    if (writes.length === 0) return;
    try {
      await writer.write({ writes });
      logger.info({ writes: writes.length }, 'Brought the default roles and bindings up to date');
    } catch (error) {
      if (!isRace(error) || round === MAX_ROUNDS) throw error;
    }
  }
}

async function readPolicy(store: Store): Promise<ReadonlyMap<string, KubeObject>> {
  const lists = await Promise.all(RESOURCES.map((plural) => store.list(`${plural}.${RBAC_GROUP}`)));
  return new Map(lists.flatMap(({ objects }) => objects.map((object) => [policyKey(object), object])));
}

const isRace = (error: unknown): boolean =>
  isStatusError(error, 'AlreadyExists') ||
  isStatusError(error, 'Conflict') ||
  isStatusError(error, 'NotFound');
