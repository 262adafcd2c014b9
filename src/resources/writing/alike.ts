/**
 * New objects of one commit that differ only in generated names, such as the pods of a template.
 * One of them is admitted and planned. The others get what it got, with names and uids of their
 * own. Two objects are alike where they share their parts: nothing is compared in depth. Pure.
 */
import { sharesMembers } from '../../base/json.ts';
import { generatedName, NAME_SUFFIX } from '../../base/rng.ts';
import type { KubeObject, ObjectMeta } from '../../schemas/object.ts';
import { created, type Draft, type Planned, type PlanningRules } from './plan-write.ts';

/** For each draft the first one that is like it: itself where it is that one. */
export function firstAlike(drafts: readonly Draft[]): readonly Draft[] {
  const firsts = new Map<unknown, Draft>();
  return drafts.map((draft) => {
    const spec = draft.write.verb === 'create' ? draft.object['spec'] : undefined;
    if (typeof spec !== 'object' || spec === null) return draft;
    const first = firsts.get(spec);
    if (first && isAlike(first, draft)) return first;
    firsts.set(spec, draft);
    return draft;
  });
}

/** The plans of all drafts. `plans`: those of the first ones, in order. */
export function plansOf(
  drafts: readonly Draft[],
  firsts: readonly Draft[],
  plans: readonly Planned[],
  rules: PlanningRules,
): readonly Planned[] {
  const known = new Map([...new Set(firsts)].map((first, index) => [first, plans[index]]));
  return drafts.flatMap((draft, index) => {
    const first = firsts[index] ?? draft;
    const plan = known.get(first);
    if (!plan) return [];
    return first === draft ? [plan] : [planLike(plan, draft, rules)];
  });
}

function planLike(planned: Planned, draft: Draft, rules: PlanningRules): Planned {
  const { name } = draft.object.metadata;
  const metadata: ObjectMeta = { ...planned.result.metadata, name, uid: draft.context.uid };
  const result: KubeObject = { ...planned.result, metadata };
  return created({ ...draft, object: result }, result, planned.isRetriable, rules);
}

function isAlike(a: Draft, b: Draft): boolean {
  return (
    a.kind === b.kind &&
    isGenerated(a.object.metadata) &&
    isGenerated(b.object.metadata) &&
    sharesMembers(a.object, b.object, 'metadata') &&
    sharesMembers(a.object.metadata, b.object.metadata, 'name')
  );
}

/** Whether the name is valid if another one with this prefix is. */
function isGenerated({ name, generateName }: ObjectMeta): boolean {
  if (!generateName) return false;
  const prefix = generatedName(generateName, '');
  return name.startsWith(prefix) && NAME_SUFFIX.test(name.slice(prefix.length));
}
