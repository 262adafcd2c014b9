/**
 * The revision history of a workload as ControllerRevisions: upstream's `controller/history`, pure.
 * StatefulSets and DaemonSets share it. Each claims its revisions (`planClaims`) before it plans.
 */
import { isRecord, jsonEqual } from '../../base/json.ts';
import { compareText } from '../../base/text.ts';
import { omit } from '../../schemas/json-access.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { ControllerRevision, PodTemplate } from '../../schemas/types.ts';
import type { Write } from '../../resources/writing/write-plan.ts';
import { withDefaults } from '../deployment/template-hash.ts';
import { controllerReference, deletionOf } from '../ownership.ts';
import { revisionName } from './revision-name.ts';

/** Holds a pod's revision: its hash for a DaemonSet, its whole name for a StatefulSet. */
export const REVISION_LABEL = 'controller-revision-hash';

export interface HistoryInput {
  readonly owner: KubeObject;
  readonly template: PodTemplate;
  /** All that the owner controls. */
  readonly revisions: readonly ControllerRevision[];
  readonly collisionCount: number | undefined;
  /** The label of a revision that holds its hash. */
  readonly hashLabel: string;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  hashOf(data: unknown, collisionCount: number | undefined): string;
  /** The revision of this name in the owner's namespace, under any controller. */
  named(name: string): ControllerRevision | undefined;
}

export interface UpdateRevision {
  /** The revision of the owner's template, as it is after `writes`. */
  readonly revision: ControllerRevision;
  /** Creates or renumbers it. */
  readonly writes: readonly Write[];
  /** Grows where the name of a new revision is taken. */
  readonly collisionCount: number | undefined;
}

/** Finds the revision of the template and makes it the newest, or creates it. */
export function planUpdateRevision(input: HistoryInput): UpdateRevision {
  const { template, collisionCount } = input;
  const ordered = [...input.revisions].sort(byRevision);
  const equal = ordered.findLast((revision) => isRevisionOf(revision, template));
  const newest = ordered.at(-1);
  if (!equal) return createRevision(input, nextRevision(ordered));
  if (equal === newest) return { revision: equal, writes: [], collisionCount };
  const revision = { ...equal, revision: nextRevision(ordered) };
  return { revision, writes: [{ verb: 'update', object: revision }], collisionCount };
}

function createRevision(input: HistoryInput, number: number): UpdateRevision {
  const { owner, template } = input;
  const data = templatePatch(template);
  let { collisionCount } = input;
  // Ends: there are fewer revisions than hashes.
  for (;;) {
    const hash = input.hashOf(data, collisionCount);
    const name = revisionName(owner.metadata.name, hash);
    const taken = input.named(name);
    if (!taken) {
      const revision = draftOf(input, { name, hash, number, data });
      return { revision, writes: [{ verb: 'create', object: revision }], collisionCount };
    }
    if (isRevisionOf(taken, template)) return { revision: taken, writes: [], collisionCount };
    collisionCount = (collisionCount ?? 0) + 1;
  }
}

interface Draft {
  readonly name: string;
  readonly hash: string;
  readonly number: number;
  readonly data: unknown;
}

function draftOf(
  { owner, template, hashLabel, annotations }: HistoryInput,
  { name, hash, number, data }: Draft,
): ControllerRevision {
  const { namespace } = owner.metadata;
  return {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      name,
      ...(namespace ? { namespace } : {}),
      labels: { ...template.metadata?.labels, [hashLabel]: hash },
      ...(annotations && Object.keys(annotations).length > 0 ? { annotations: { ...annotations } } : {}),
      ownerReferences: [controllerReference(owner)],
    },
    data,
    revision: number,
  };
}

/** A revision that the store lost, under the name that pods of it still have. */
export const lostRevision = (
  input: HistoryInput,
  {
    name,
    template,
    number,
  }: { readonly name: string; readonly template: PodTemplate; readonly number: number },
): ControllerRevision =>
  draftOf(
    { ...input, template, annotations: undefined },
    {
      name,
      hash: name.slice(revisionName(input.owner.metadata.name, '').length),
      number,
      data: templatePatch(template),
    },
  );

/** The patch that brings this template back; `kubectl rollout undo` applies it as it is. */
export const templatePatch = (template: PodTemplate): Record<string, unknown> => ({
  spec: { template: { ...template, $patch: 'replace' } },
});

/** The template that a revision holds; undefined when its data is something else. */
export function templateOf({ data }: ControllerRevision): PodTemplate | undefined {
  const spec = isRecord(data) ? data['spec'] : undefined;
  const patch = isRecord(spec) ? spec['template'] : undefined;
  return isRecord(patch) ? withoutDirective(patch) : undefined;
}

/** Revisions never change, and each reconcile compares their templates. */
const templates = new WeakMap<Record<string, unknown>, PodTemplate>();

function withoutDirective(patch: Record<string, unknown>): PodTemplate {
  const template = templates.get(patch) ?? omit(patch, '$patch');
  templates.set(patch, template);
  return template;
}

/** A revision of an earlier version may lack defaults that are known now: it still counts. */
export function isRevisionOf(revision: ControllerRevision, template: PodTemplate): boolean {
  const recorded = templateOf(revision);
  if (!recorded) return false;
  return jsonEqual(recorded, template) || jsonEqual(withDefaults(recorded), withDefaults(template));
}

export const nextRevision = (revisions: readonly ControllerRevision[]): number =>
  Math.max(0, ...revisions.map(({ revision }) => revision)) + 1;

/** Oldest first: by number, then by age, then by name. */
export function byRevision(a: ControllerRevision, b: ControllerRevision): number {
  const [timeA, timeB] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? ''];
  return (
    a.revision - b.revision || compareText(timeA, timeB) || compareText(a.metadata.name, b.metadata.name)
  );
}

/** Deletes the oldest `excess` of the revisions that nothing needs any more. */
export const planTruncation = (unneeded: readonly ControllerRevision[], excess: number): readonly Write[] =>
  [...unneeded]
    .sort(byRevision)
    .slice(0, Math.max(0, excess))
    .map((revision) => deletionOf(revision));
