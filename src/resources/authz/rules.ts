/**
 * Whether a rule allows a request; pure. The semantics are those of upstream's `rbac` package: `*`
 * stands for everything, `*` + `/scale` for that subresource of every resource, `pods/*` for
 * nothing but itself, and a path may end in `*`.
 *
 * Every request of its subjects reads a role. Its rules are therefore sorted once, by the resources
 * that they name, and kept for as long as the role is (stored objects never change in place).
 */
import { withoutTrailing } from '../../base/text.ts';
import type { PolicyRule } from '../../schemas/rbac.ts';
import type { ResourceAttributes } from './types.ts';

export const ALL = '*';
const EMPTY: readonly PolicyRule[] = [];

export type AskedResource = Pick<ResourceAttributes, 'verb' | 'group' | 'resource' | 'subresource' | 'name'>;

interface Sorted {
  /** By `group/resource` or `group/resource/subresource`: rules that name it. */
  readonly exact: ReadonlyMap<string, readonly PolicyRule[]>;
  /** Rules with a wildcard in their groups or resources. */
  readonly wild: readonly PolicyRule[];
  readonly paths: readonly PolicyRule[];
}

const sorted = new WeakMap<readonly PolicyRule[], Sorted>();

function sort(rules: readonly PolicyRule[]): Sorted {
  const known = sorted.get(rules);
  if (known) return known;
  const exact = new Map<string, PolicyRule[]>();
  const wild: PolicyRule[] = [];
  for (const rule of rules) {
    const { apiGroups = [], resources = [] } = rule;
    if (
      apiGroups.includes(ALL) ||
      resources.some((resource) => resource === ALL || resource.startsWith('*/'))
    )
      wild.push(rule);
    else
      for (const group of apiGroups)
        for (const resource of resources) {
          const key = `${group}/${resource}`;
          const list = exact.get(key);
          if (list) list.push(rule);
          else exact.set(key, [rule]);
        }
  }
  const made = { exact, wild, paths: rules.filter(({ nonResourceURLs = [] }) => nonResourceURLs.length > 0) };
  sorted.set(rules, made);
  return made;
}

export const combined = ({
  resource,
  subresource,
}: Pick<AskedResource, 'resource' | 'subresource'>): string =>
  subresource ? `${resource}/${subresource}` : resource;

export function rulesAllow(rules: readonly PolicyRule[] | null | undefined, asked: AskedResource): boolean {
  if (!rules || rules.length === 0) return false;
  const { exact, wild } = sort(rules);
  const named = exact.get(`${asked.group}/${combined(asked)}`) ?? EMPTY;
  return (
    named.some((rule) => allowsVerb(rule, asked.verb) && allowsName(rule, asked.name)) ||
    wild.some((rule) => ruleAllows(rule, asked))
  );
}

/** Checks every part of one rule. */
export function ruleAllows(rule: PolicyRule, asked: AskedResource): boolean {
  const { apiGroups = [], resources = [] } = rule;
  const { subresource } = asked;
  const isNamed = (resource: string): boolean =>
    resource === ALL ||
    resource === combined(asked) ||
    (subresource !== undefined && subresource !== '' && resource === `*/${subresource}`);
  return (
    allowsVerb(rule, asked.verb) &&
    (apiGroups.includes(ALL) || apiGroups.includes(asked.group)) &&
    resources.some(isNamed) &&
    allowsName(rule, asked.name)
  );
}

export function rulesAllowPath(
  rules: readonly PolicyRule[] | null | undefined,
  verb: string,
  path: string,
): boolean {
  if (!rules || rules.length === 0) return false;
  return sort(rules).paths.some(
    (rule) => allowsVerb(rule, verb) && (rule.nonResourceURLs ?? []).some((url) => urlCovers(url, path)),
  );
}

const allowsVerb = ({ verbs }: PolicyRule, verb: string): boolean =>
  verbs.includes(ALL) || verbs.includes(verb);

const allowsName = ({ resourceNames = [] }: PolicyRule, name: string | undefined): boolean =>
  resourceNames.length === 0 || resourceNames.includes(name ?? '');

/** Also between rules: whether one URL of a rule says all that the other one does. */
export function urlCovers(url: string, path: string): boolean {
  if (url === ALL || url === path) return true;
  return url.endsWith('*') && path.startsWith(withoutTrailing(url, '*'));
}
