/** One look's outcome, as the Application's status tells it. Pure. */
import { isHook } from '../diff/annotations.ts';
import { type InventoryItem, idOf } from '../diff/change-set.ts';
import type { Health } from '../health/index.ts';
import { type KubeObject, keyOf, splitKey } from '../schemas/object.ts';
import type { ResourceKind } from '../schemas/resource-kind.ts';
import type { ApplicationState } from './application-state.ts';
import type { ApplicationHealth } from './assess-application.ts';
import {
  type ApplicationObservation,
  MAX_LISTED_RESOURCES,
  type ResourceStatus,
} from './plan-application-status.ts';
import type { CommitStatus } from './status/plan-commit-status.ts';
import type { SyncOutcome } from './sync-outcome.ts';

/** Longer messages of a single object are cut. */
const MAX_HEALTH_MESSAGE = 500;

export function observeApplication(
  state: ApplicationState,
  outcome: SyncOutcome,
  { worst, cause }: ApplicationHealth,
  inventory: readonly InventoryItem[],
  commitStatus: CommitStatus | undefined,
): ApplicationObservation {
  const failed = outcome.problems.length > 0;
  const operation = failed
    ? { phase: 'Failed' as const, message: outcome.problems.join('\n') }
    : outcome.applied
      ? { phase: 'Succeeded' as const, message: 'successfully synced' }
      : { phase: 'Running' as const, message: outcome.obstacle ?? 'applying' };
  const inStep = outcome.applied && !outcome.extraneous;
  return {
    revision: state.revision,
    syncStatus: inStep ? 'Synced' : outcome.compared || state.render ? 'OutOfSync' : 'Unknown',
    health: { status: worst.status, message: cause?.text ?? worst.message },
    operation: (outcome.compared && !outcome.idle) || failed ? operation : undefined,
    conditions: outcome.conditions,
    resources: listResources(state, outcome.extraneous ? inventory : []),
    resourceCount: state.desiredById.size,
    commitStatus,
  };
}

function listResources(
  state: ApplicationState,
  inventory: readonly InventoryItem[],
): readonly ResourceStatus[] {
  const extraneous = inventory.filter(
    ({ kind, object }) => !state.desiredById.has(idOf(kind, keyOf(object))) && !isHook(object),
  );
  const all = [...state.desiredById];
  // Of too many, those that deserve a look.
  const shown =
    all.length + extraneous.length <= MAX_LISTED_RESOURCES
      ? all
      : all.filter(([id]) => state.dirty.has(id) || state.health.get(id)?.status !== 'Healthy');
  const rows = [
    ...shown.map(([id, { kind, object }]) =>
      rowOf(kind, object, state.dirty.has(id), state.health.get(id) ?? { status: 'Missing', message: '' }),
    ),
    ...extraneous.map(({ kind, object }) => ({
      ...rowOf(kind, object, true, { status: 'Healthy', message: '' }),
      requiresPruning: true,
    })),
  ];
  return rows.slice(0, MAX_LISTED_RESOURCES).sort((a, b) => (idText(a) < idText(b) ? -1 : 1));
}

function rowOf(kind: ResourceKind, object: KubeObject, outOfSync: boolean, health: Health): ResourceStatus {
  const { namespace, name } = splitKey(keyOf(object));
  return {
    ...(kind.group === '' ? {} : { group: kind.group }),
    version: kind.version,
    kind: kind.kind,
    ...(namespace === undefined ? {} : { namespace }),
    name,
    status: outOfSync ? 'OutOfSync' : 'Synced',
    health: {
      status: health.status,
      ...(health.message === '' ? {} : { message: health.message.slice(0, MAX_HEALTH_MESSAGE) }),
    },
  };
}

function idText({ group = '', kind, namespace = '', name }: ResourceStatus): string {
  return `${group}/${kind}/${namespace}/${name}`;
}
