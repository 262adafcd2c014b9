/**
 * What will keep pods from starting in what an application holds, as its conditions say it. The whole render is checked
 * once. What was wrong is looked at again from time to time, because the cluster may have it by now.
 */
import type { DesiredObject, DesiredSet } from '../diff/desired-set.ts';
import { objectKey } from '../schemas/object.ts';
import type { PodSecurityLevel } from '../schemas/pod-security/types.ts';
import { checkRender, type ClusterView, type RenderWarning } from '../schemas/render-checks/index.ts';
import type { Render } from './render/types.ts';

export interface Foreseen {
  readonly render: Render | undefined;
  readonly checkedMs: number;
  readonly warnings: readonly RenderWarning<DesiredObject>[];
}

/** What an application holds, and what was found about it. */
export interface ForeseenState {
  readonly desired: Pick<DesiredSet, 'byId'>;
  readonly render: Render | undefined;
  foreseen: Foreseen | undefined;
}

export interface ForeseeOptions {
  /** What is live. */
  readonly findLive: ClusterView['find'];
  readonly defaultPodSecurity: PodSecurityLevel;
}

/** Beyond this many, nobody reads on. */
const MAX_FORESEEN = 500;
/** Often enough for a person, and rare enough for a render of thousands. */
const CHECK_AGAIN_MS = 10_000;

/** Remembers in the state what it finds. */
export function foresee(state: ForeseenState, options: ForeseeOptions, nowMs: number): readonly string[] {
  const before = state.foreseen;
  if (before?.render !== state.render)
    state.foreseen = check(state, [...state.desired.byId.values()], options, nowMs);
  else if (before && before.warnings.length > 0 && nowMs - before.checkedMs >= CHECK_AGAIN_MS) {
    const suspects = new Set(before.warnings.map(({ item }) => item));
    state.foreseen = check(state, [...suspects], options, nowMs);
  }
  return (state.foreseen?.warnings ?? []).map(
    ({ item, path, message }) => `${item.origin}: ${path}: ${message}`,
  );
}

function check(
  state: ForeseenState,
  items: readonly DesiredObject[],
  { findLive, defaultPodSecurity }: ForeseeOptions,
  nowMs: number,
): Foreseen {
  const { desired, render } = state;
  const found = checkRender(items, {
    defaultPodSecurity,
    cluster: {
      find: (target) => {
        const id = `${target.resource}|${objectKey(target.namespace, target.name)}`;
        return desired.byId.get(id)?.object ?? findLive(target);
      },
      // The pods of a Service may be another application's: Services are not judged here.
      podsIn: () => 'unknown',
    },
  });
  const warnings = found.filter(({ stopsPods }) => stopsPods).slice(0, MAX_FORESEEN);
  return { render, checkedMs: nowMs, warnings };
}
