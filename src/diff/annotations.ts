/** Reads Argo CD's annotations on a manifest. Sync options are in sync-options.ts. */
import type { KubeObject } from '../schemas/object.ts';

const WAVE = 'argocd.argoproj.io/sync-wave';
const HOOK = 'argocd.argoproj.io/hook';
const HOOK_DELETE_POLICY = 'argocd.argoproj.io/hook-delete-policy';
const IGNORE_HEALTH = 'argocd.argoproj.io/ignore-healthcheck';
const COMPARE = 'argocd.argoproj.io/compare-options';

/** Waves beyond this are a mistake, and sums of them would lose precision. */
const MAX_WAVE = 1_000_000;

/** When a hook runs. `Skip`: the manifest is neither applied nor deleted. */
export type HookType = 'PreSync' | 'Sync' | 'PostSync' | 'SyncFail' | 'Skip';
export type HookDeletePolicy = 'BeforeHookCreation' | 'HookSucceeded' | 'HookFailed';

const HOOK_TYPES: readonly string[] = ['PreSync', 'Sync', 'PostSync', 'SyncFail', 'Skip'];
const DELETE_POLICIES: readonly string[] = ['BeforeHookCreation', 'HookSucceeded', 'HookFailed'];

/** Lower waves are applied, and healthy, before higher ones; 0 if there is no valid one. */
export function syncWave(object: KubeObject): number {
  const text = object.metadata.annotations?.[WAVE];
  if (text === undefined || !/^[+-]?\d{1,7}$/.test(text)) return 0;
  return Math.max(-MAX_WAVE, Math.min(MAX_WAVE, Number(text)));
}

function listed(object: KubeObject, annotation: string): readonly string[] {
  return (object.metadata.annotations?.[annotation] ?? '')
    .split(',')
    .map((option) => option.trim())
    .filter((option) => option !== '');
}

/** Whether the health of the object is no part of its application's. */
export const ignoresHealth = ({ metadata }: KubeObject): boolean =>
  metadata.annotations?.[IGNORE_HEALTH] === 'true';

/** Whether the manifest is a hook of any name; such an object is neither compared nor pruned. */
export function isHook(object: KubeObject): boolean {
  return object.metadata.annotations?.[HOOK] !== undefined && listed(object, HOOK).length > 0;
}

/** The phases in which the manifest runs as a hook. `Skip` and unknown names run in none. */
export function hookTypesOf(object: KubeObject): readonly HookType[] {
  const types = listed(object, HOOK);
  return types.includes('Skip')
    ? ['Skip']
    : (types.filter((type) => HOOK_TYPES.includes(type)) as HookType[]);
}

/** `BeforeHookCreation` unless something else is said. */
export function hookDeletePoliciesOf(object: KubeObject): readonly HookDeletePolicy[] {
  const policies = listed(object, HOOK_DELETE_POLICY).filter((policy) => DELETE_POLICIES.includes(policy));
  return policies.length === 0 ? ['BeforeHookCreation'] : (policies as HookDeletePolicy[]);
}

/** Names of hooks and delete policies that are not known, as text for people. */
export function hookComplaints(object: KubeObject): readonly string[] {
  return [
    ...listed(object, HOOK)
      .filter((type) => !HOOK_TYPES.includes(type))
      .map((type) => `hook "${type}": not implemented by Symphony; the object is not applied`),
    ...listed(object, HOOK_DELETE_POLICY)
      .filter((policy) => !DELETE_POLICIES.includes(policy))
      .map((policy) => `hook-delete-policy "${policy}": not known to Symphony; it has no effect`),
  ];
}

/** Argo's `IgnoreExtraneous`: the object may exist without being in Git. */
export function ignoresExtraneous(object: KubeObject): boolean {
  return listed(object, COMPARE).includes('IgnoreExtraneous');
}
