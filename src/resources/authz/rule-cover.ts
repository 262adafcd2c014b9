/**
 * Compares rules that a user holds with rules that the user wants to grant. Pure. Rules are broken
 * down as upstream does it, and missing ones are described in its words.
 */
import type { PolicyRule } from '../../schemas/rbac.ts';
import { quote } from '../../schemas/errors/status.ts';
import { ALL, urlCovers } from './rules.ts';

/** As a request brings it: nothing has been validated yet. */
export type AskedRule = Partial<PolicyRule>;

/** Everything: what a role that aggregates others may come to. */
export const fullAuthority: readonly PolicyRule[] = [
  { verbs: [ALL], apiGroups: [ALL], resources: [ALL] },
  { verbs: [ALL], nonResourceURLs: [ALL] },
];

/**
 * Beyond this many single permissions a role is not compared: a rule of three lists is their
 * product. The largest default role comes to a few hundred.
 */
const MAX_PERMISSIONS = 20_000;

export function isTooLarge(rules: readonly AskedRule[]): boolean {
  const count = rules.map(
    ({ verbs = [], apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] }) =>
      verbs.length *
      (apiGroups.length * resources.length * Math.max(resourceNames.length, 1) + nonResourceURLs.length),
  );
  return count.reduce((sum, permissions) => sum + permissions, 0) > MAX_PERMISSIONS;
}

/** Each with one verb and one resource (of one name) or one path. */
function breakDown(rules: readonly AskedRule[]): PolicyRule[] {
  const single: PolicyRule[] = [];
  for (const {
    verbs = [],
    apiGroups = [],
    resources = [],
    resourceNames = [],
    nonResourceURLs = [],
  } of rules) {
    for (const group of apiGroups)
      for (const resource of resources)
        for (const verb of verbs) {
          const base = { verbs: [verb], apiGroups: [group], resources: [resource] };
          if (resourceNames.length === 0) single.push(base);
          for (const name of resourceNames) single.push({ ...base, resourceNames: [name] });
        }
    for (const url of nonResourceURLs)
      for (const verb of verbs) single.push({ verbs: [verb], nonResourceURLs: [url] });
  }
  return single;
}

/** The permissions of `wanted` that no rule of `held` covers. */
export function missingFrom(held: readonly PolicyRule[], wanted: readonly AskedRule[]): PolicyRule[] {
  return breakDown(wanted).filter((single) => !held.some((rule) => covers(rule, single)));
}

/** `single` as {@link breakDown} makes them. */
function covers(rule: PolicyRule, single: PolicyRule): boolean {
  const all = (has: readonly string[] = [], asked: readonly string[] = []): boolean =>
    has.includes(ALL) || asked.every((item) => has.includes(item));
  const { resourceNames = [] } = rule;
  return (
    all(rule.verbs, single.verbs) &&
    all(rule.apiGroups, single.apiGroups) &&
    coversResources(rule.resources ?? [], single.resources ?? []) &&
    (single.nonResourceURLs ?? []).every((path) =>
      (rule.nonResourceURLs ?? []).some((url) => urlCovers(url, path)),
    ) &&
    (resourceNames.length === 0 ||
      (single.resourceNames !== undefined &&
        single.resourceNames.every((name) => resourceNames.includes(name))))
  );
}

function coversResources(has: readonly string[], asked: readonly string[]): boolean {
  if (has.includes(ALL)) return true;
  return asked.every((resource) => {
    const slash = resource.indexOf('/');
    return has.includes(resource) || (slash >= 0 && has.includes(`*${resource.slice(slash)}`));
  });
}

/** One line a resource: `{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}`, sorted. */
export function describeRules(single: readonly PolicyRule[]): string {
  const byResource = new Map<string, PolicyRule>();
  const rest: PolicyRule[] = [];
  for (const rule of single) {
    if (rule.nonResourceURLs) {
      rest.push(rule);
      continue;
    }
    const key = JSON.stringify([rule.apiGroups, rule.resources, rule.resourceNames]);
    const known = byResource.get(key);
    byResource.set(key, known ? { ...known, verbs: [...known.verbs, ...rule.verbs] } : rule);
  }
  return [...new Set([...rest, ...byResource.values()].map(ruleText))].sort().join('\n');
}

function ruleText(rule: PolicyRule): string {
  const parts: readonly (readonly [string, readonly string[] | undefined])[] = [
    ['APIGroups', rule.apiGroups],
    ['Resources', rule.resources],
    ['NonResourceURLs', rule.nonResourceURLs],
    ['ResourceNames', rule.resourceNames],
    ['Verbs', rule.verbs],
  ];
  const shown = parts.flatMap(([label, values]) =>
    values && values.length > 0 ? [`${label}:${quoteList(values)}`] : [],
  );
  return `{${shown.join(', ')}}`;
}

/** As Go's `%q` writes a list. */
export const quoteList = (values: readonly string[]): string => `[${values.map(quote).join(' ')}]`;
