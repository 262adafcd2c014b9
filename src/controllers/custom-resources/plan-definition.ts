/**
 * Naming, establishing and cleaning up of a CustomResourceDefinition. Rules and texts are those of
 * upstream's controllers. Pure.
 */
import { jsonEqual } from '../../base/json.ts';
import {
  CLEANUP_FINALIZER,
  type DefinitionNames,
  readDefinition,
  readNames,
} from '../../schemas/custom/index.ts';
import { conditionIn, transitionTime, withConditions } from '../../schemas/conditions.ts';
import { asRecord } from '../../schemas/json-access.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { Plan } from '../controller.ts';
import { deletionOf, isDeleting, statusUpdate, withoutFinalizer } from '../ownership.ts';

/** Objects deleted in one commit. */
const BATCH_LIMIT = 500;

export interface DefinitionInput {
  readonly definition: KubeObject;
  /** All definitions, this one too. */
  readonly all: readonly KubeObject[];
  /** Its objects; undefined where the system serves the resource itself. */
  readonly objects: readonly KubeObject[] | undefined;
  readonly nowMs: number;
}

interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

export function planDefinition(input: DefinitionInput): Plan {
  return isDeleting(input.definition) ? planCleanup(input) : planNaming(input);
}

function planNaming({ definition, all, nowMs }: DefinitionInput): Plan {
  const { names, group } = readDefinition(definition);
  const taken = takenNames(definition, group, all);
  const before = asRecord(asRecord(definition['status'])['acceptedNames']);
  const { accepted, naming } = acceptNames(names, before, taken);
  const { conditions } = asRecord(definition['status']);
  const isEstablished = conditionIn(conditions, 'Established')?.['status'] === 'True';
  const established: Condition =
    naming.status === 'True' || isEstablished
      ? is('Established', 'InitialNamesAccepted', 'the initial names have been accepted')
      : isNot('Established', 'NotAccepted', 'not all names are accepted');
  const status = withJudgement(definition, [naming, established], nowMs);
  return report(definition, { ...status, acceptedNames: namesObject(accepted) });
}

/** Names that other definitions of the group have. */
function takenNames(
  definition: KubeObject,
  group: string,
  all: readonly KubeObject[],
): { readonly resources: ReadonlySet<string>; readonly kinds: ReadonlySet<string> } {
  const resources = new Set<string>();
  const kinds = new Set<string>();
  for (const other of all) {
    if (other.metadata.name === definition.metadata.name) continue;
    if (asRecord(other['spec'])['group'] !== group) continue;
    const given = asRecord(asRecord(other['status'])['acceptedNames']);
    if (given['plural'] === undefined || given['plural'] === '') continue;
    const names = readNames(given);
    for (const name of [names.plural, names.singular, ...names.shortNames]) resources.add(name);
    kinds.add(names.kind);
    kinds.add(names.listKind);
  }
  return { resources, kinds };
}

function acceptNames(
  wanted: DefinitionNames,
  before: Readonly<Record<string, unknown>>,
  taken: ReturnType<typeof takenNames>,
): { readonly accepted: DefinitionNames; readonly naming: Condition } {
  const had = before['kind'] === '' || before['kind'] === undefined ? undefined : readNames(before);
  const conflicts: { readonly reason: string; readonly message: string }[] = [];
  const used = (name: string): string => `${JSON.stringify(name)} is already in use`;
  const free = (reason: string, name: string, others: ReadonlySet<string>): boolean => {
    if (!others.has(name)) return true;
    conflicts.push({ reason, message: used(name) });
    return false;
  };
  const plural = free('PluralConflict', wanted.plural, taken.resources) ? wanted.plural : (had?.plural ?? '');
  const singular = free('SingularConflict', wanted.singular, taken.resources)
    ? wanted.singular
    : (had?.singular ?? '');
  const refused = wanted.shortNames.filter((name) => taken.resources.has(name));
  if (refused.length > 0)
    conflicts.push({ reason: 'ShortNamesConflict', message: refused.map(used).join(', ') });
  const shortNames = refused.length > 0 ? (had?.shortNames ?? []) : wanted.shortNames;
  const kind = free('KindConflict', wanted.kind, taken.kinds) ? wanted.kind : (had?.kind ?? '');
  const listKind = free('ListKindConflict', wanted.listKind, taken.kinds)
    ? wanted.listKind
    : (had?.listKind ?? '');
  const [first] = conflicts;
  const naming = first
    ? isNot('NamesAccepted', first.reason, first.message)
    : is('NamesAccepted', 'NoConflicts', 'no conflicts found');
  return {
    accepted: { plural, singular, kind, listKind, shortNames, categories: wanted.categories },
    naming,
  };
}

/** Empty members are left out, as in the API. */
function namesObject(names: DefinitionNames): Record<string, unknown> {
  const { plural, singular, kind, listKind, shortNames, categories } = names;
  return {
    plural,
    ...(singular === '' ? {} : { singular }),
    ...(shortNames.length > 0 ? { shortNames } : {}),
    kind,
    ...(kind === '' || listKind === '' ? {} : { listKind }),
    ...(categories.length > 0 ? { categories } : {}),
  };
}

/** The objects first; the definition goes when nothing is left of them. */
function planCleanup({ definition, objects, nowMs }: DefinitionInput): Plan {
  if (definition.metadata.finalizers?.includes(CLEANUP_FINALIZER) !== true) return { writes: [] };
  if (objects === undefined || objects.length === 0)
    return { writes: [{ verb: 'update', object: withoutFinalizer(definition, CLEANUP_FINALIZER) }] };
  const condition = is('Terminating', 'InstanceDeletionInProgress', 'CustomResource deletion is in progress');
  const { writes } = report(definition, withJudgement(definition, [condition], nowMs));
  const open = objects.filter((object) => !isDeleting(object));
  const deletions = open.slice(0, BATCH_LIMIT).map((object) => deletionOf(object));
  const more = open.length > BATCH_LIMIT ? { requeueAfterMs: 0 } : {};
  return { writes: [...writes, ...deletions], ...more };
}

function report(definition: KubeObject, status: Record<string, unknown>): Plan {
  return { writes: jsonEqual(status, definition['status']) ? [] : [statusUpdate({ ...definition, status })] };
}

const judge =
  (status: Condition['status']) =>
  (type: string, reason: string, message: string): Condition => ({ type, status, reason, message });
const is = judge('True');
const isNot = judge('False');

function withJudgement(
  definition: KubeObject,
  wanted: readonly Condition[],
  nowMs: number,
): Record<string, unknown> {
  const status = asRecord(definition['status']);
  const timed = wanted.map(({ type, status: verdict, reason, message }) => {
    const lastTransitionTime = transitionTime(status['conditions'], { type, status: verdict }, nowMs);
    return { type, status: verdict, lastTransitionTime, reason, message };
  });
  return { ...status, conditions: withConditions(status['conditions'], timed) };
}
