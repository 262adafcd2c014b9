/**
 * All rules of the profile with whole paths, by `apiVersion/kind`: those of pods in every kind that
 * has some, and its own.
 */
import { formatApiVersion } from '../../../src/schemas/object.ts';
import { podSpecPaths } from '../../../src/schemas/profile/index.ts';
import { podRules } from '../../../src/schemas/profile/pod-rules.ts';
import type { FieldRule } from '../../../src/schemas/profile/rules.ts';
import { builtinKinds } from '../../../src/schemas/registry.ts';

const ofPods = (kind: string): readonly FieldRule[] => {
  const prefix = podSpecPaths[kind];
  return prefix === undefined ? [] : podRules.map((rule) => ({ ...rule, path: `${prefix}.${rule.path}` }));
};

export const rulesByKind: ReadonlyMap<string, readonly FieldRule[]> = new Map(
  [
    ...Object.keys(podSpecPaths).map((kind) => [kind, [] as readonly FieldRule[]] as const),
    ...builtinKinds.flatMap(({ group, version, kind, fields }) =>
      fields ? [[`${formatApiVersion(group, version)}/${kind}`, fields] as const] : [],
    ),
  ].map(([kind, own]) => [kind, [...ofPods(kind), ...own]]),
);
