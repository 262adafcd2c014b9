/**
 * Foresees problems that keep pods from starting. The whole render is checked once. An object with
 * a problem is checked again when the live objects that the check asked for change.
 */
import type { DesiredObject, DesiredSet } from '../../diff/desired-set.ts';
import { type KubeObject, objectKey } from '../../schemas/object.ts';
import type { PodSecurityLevel } from '../../schemas/pod-security/types.ts';
import {
  checkRender,
  type ClusterView,
  type RenderWarning,
  type Target,
} from '../../schemas/render-checks/index.ts';
import type { Render } from '../render/types.ts';

type Warnings = readonly RenderWarning<DesiredObject>[];

export interface Foreseen {
  readonly render: Render | undefined;
  readonly warnings: Warnings;
  /** Live objects that the warnings depend on, by id; undefined where there was none. */
  readonly asked: ReadonlyMap<string, Asked>;
}

interface Asked {
  readonly target: Target;
  readonly answer: KubeObject | undefined;
}

/** The objects of an application, with the problems that were found. */
export interface ForeseenState {
  readonly desired: Pick<DesiredSet, 'byId'>;
  readonly render: Render | undefined;
  foreseen: Foreseen | undefined;
}

export interface ForeseeOptions {
  /** The live object; the same one until it changes. */
  readonly findLive: (target: Target) => KubeObject | undefined;
  readonly defaultPodSecurity: PodSecurityLevel;
}

const MAX_FORESEEN = 500;

/** Remembers in the state what it finds. */
export function foresee(state: ForeseenState, options: ForeseeOptions): readonly string[] {
  const before = state.foreseen;
  if (!before || before.render !== state.render)
    state.foreseen = check(state, [...state.desired.byId.values()], options);
  else if (!isForeseenCurrent(state, options))
    state.foreseen = check(state, suspectsOf(before.warnings), options);
  return (state.foreseen?.warnings ?? [])
    .slice(0, MAX_FORESEEN)
    .map(({ item, path, message }) => `${item.origin}: ${path}: ${message}`);
}

/** Whether a check would find the same again. It costs a lookup for each object asked for. */
export function isForeseenCurrent(
  { foreseen, render }: Pick<ForeseenState, 'foreseen' | 'render'>,
  { findLive }: Pick<ForeseeOptions, 'findLive'>,
): boolean {
  if (foreseen?.render !== render) return false;
  for (const { target, answer } of foreseen?.asked.values() ?? [])
    if (findLive(target) !== answer) return false;
  return true;
}

const suspectsOf = (warnings: Warnings): readonly DesiredObject[] => [
  ...new Set(warnings.map(({ item }) => item)),
];

function check(state: ForeseenState, items: readonly DesiredObject[], options: ForeseeOptions): Foreseen {
  const asked = new Map<string, Asked>();
  const warningsOf = (some: readonly DesiredObject[], note: (id: string, asked: Asked) => void): Warnings => {
    const find: ClusterView['find'] = (target) => {
      const id = `${target.resource}|${objectKey(target.namespace, target.name)}`;
      const rendered = state.desired.byId.get(id)?.object;
      if (rendered) return rendered;
      const answer = options.findLive(target);
      note(id, { target, answer });
      return answer;
    };
    // The pods of a Service may be another application's: Services are not judged here.
    const cluster: ClusterView = { find, podsIn: () => 'unknown' };
    const { defaultPodSecurity } = options;
    return checkRender(some, { defaultPodSecurity, cluster }).filter(({ stopsPods }) => stopsPods);
  };
  const suspects = suspectsOf(warningsOf(items, () => undefined));
  // Once more, to learn what these alone depend on: a render of thousands asks for much more.
  const warnings = warningsOf(suspects, (id, answer) => void asked.set(id, answer));
  return { render: state.render, warnings, asked };
}
