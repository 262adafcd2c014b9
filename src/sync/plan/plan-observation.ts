/** The outcome of a reconcile, as the Application's status tells it. Pure. */
import { printable } from '../../base/printable.ts';
import { cutMiddle, listTexts } from '../../base/text.ts';
import { isHook } from '../../diff/annotations.ts';
import type { InventoryItem } from '../../diff/change-set.ts';
import type { Health } from '../../health/index.ts';
import { healthy } from '../../health/types.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { ResourceKind } from '../../schemas/resource-kind.ts';
import type { ApplicationCache } from '../cache/application-cache.ts';
import type { ApplicationHealth, NamedCause } from '../observe/assess-application.ts';
import { namesOf } from './operation.ts';
import {
  type ApplicationObservation,
  MAX_LISTED_RESOURCES,
  type ResourceStatus,
} from './plan-application-status.ts';
import type { CommitStatus } from '../status/plan-commit-status.ts';
import type { SyncOutcome } from './sync-outcome.ts';

const MAX_HEALTH_MESSAGE = 500;
/** Objects that are named in the health of the whole; every one has its own in the list. */
const MAX_CAUSES = 10;
const MAX_HEALTH_TEXT = 4_000;
const MAX_PROBLEM_TEXT = 7_500;

export function planObservation(
  known: Readonly<ApplicationCache>,
  outcome: SyncOutcome,
  health: ApplicationHealth,
  /** Objects that the application manages and Git does not hold. */
  orphans: readonly InventoryItem[],
  commitStatus: CommitStatus | undefined,
): ApplicationObservation {
  const failed = outcome.problems.length > 0;
  const operation = failed
    ? { phase: 'Failed' as const, message: problemText(outcome) }
    : outcome.applied
      ? { phase: 'Succeeded' as const, message: 'successfully synced' }
      : { phase: 'Running' as const, message: outcome.obstacle ?? 'applying' };
  const inStep = outcome.applied && !outcome.extraneous;
  return {
    revision: known.revision,
    syncStatus: inStep ? 'Synced' : outcome.compared || known.render ? 'OutOfSync' : 'Unknown',
    health: { status: health.worst.status, message: healthText(health) },
    operation: (outcome.compared && !outcome.idle) || failed ? operation : undefined,
    conditions: outcome.conditions,
    resources: listResources(known, health.causes, outcome.extraneous ? orphans : []),
    resourceCount: known.desired.byId.size,
    commitStatus,
    baseline: outcome.baseline,
  };
}

/** Causes, the most telling first, each on its line. */
function healthText({ worst, causes, unhealthyCount }: ApplicationHealth): string {
  const lines = [...causes.values()].map(({ line }) => line);
  const bounds = { texts: MAX_CAUSES, length: MAX_HEALTH_TEXT, total: unhealthyCount };
  return lines.length === 0 ? worst.message : listTexts(lines, bounds).join('\n');
}

function problemText({ problems, problemCount }: SyncOutcome): string {
  const bounds = { texts: problems.length, length: MAX_PROBLEM_TEXT, total: problemCount };
  return listTexts(problems, bounds).join('\n');
}

const messageOf = (cause: NamedCause | undefined): { message?: string } =>
  cause ? { message: cause.text } : {};

function listResources(
  known: Readonly<ApplicationCache>,
  causes: ApplicationHealth['causes'],
  orphans: readonly InventoryItem[],
): readonly ResourceStatus[] {
  const { byId } = known.desired;
  const extraneous = orphans.filter(({ object }) => !isHook(object));
  // Too many are not listed; those that differ or are not healthy are.
  const shown =
    byId.size + extraneous.length <= MAX_LISTED_RESOURCES
      ? byId.keys()
      : new Set([...known.dirty, ...known.unhealthy.keys()]);
  const rows: ResourceStatus[] = [];
  for (const id of shown) {
    const item = byId.get(id);
    const health = { ...(known.unhealthy.get(id) ?? healthy), ...messageOf(causes.get(id)) };
    if (item) rows.push(rowOf(item.kind, item.object, known.dirty.has(id), health));
    if (rows.length === MAX_LISTED_RESOURCES) break;
  }
  for (const { kind, object } of extraneous)
    rows.push({ ...rowOf(kind, object, true, healthy), requiresPruning: true });
  return rows.slice(0, MAX_LISTED_RESOURCES).sort((a, b) => (idText(a) < idText(b) ? -1 : 1));
}

function rowOf(kind: ResourceKind, object: KubeObject, outOfSync: boolean, health: Health): ResourceStatus {
  const message = cutMiddle(printable(health.message, { newlines: true }), MAX_HEALTH_MESSAGE);
  return {
    ...namesOf(kind, object),
    status: outOfSync ? 'OutOfSync' : 'Synced',
    health: { status: health.status, ...(message === '' ? {} : { message }) },
  };
}

const idText = ({ group = '', kind, namespace = '', name }: ResourceStatus): string =>
  `${group}/${kind}/${namespace}/${name}`;
