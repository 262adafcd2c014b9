/** What Argo CD's annotations on a manifest ask for. */
import type { KubeObject } from '../schemas/object.ts';

const WAVE = 'argocd.argoproj.io/sync-wave';
const OPTIONS = 'argocd.argoproj.io/sync-options';
const HOOK = 'argocd.argoproj.io/hook';
const COMPARE = 'argocd.argoproj.io/compare-options';

/** Waves beyond this are a mistake, and sums of them would lose precision. */
const MAX_WAVE = 1_000_000;

/** Lower waves are applied, and healthy, before higher ones; 0 when there is none or it is no integer. */
export function syncWave(object: KubeObject): number {
  const text = object.metadata.annotations?.[WAVE];
  if (text === undefined || !/^[+-]?\d{1,7}$/.test(text)) return 0;
  return Math.max(-MAX_WAVE, Math.min(MAX_WAVE, Number(text)));
}

function listed(object: KubeObject, annotation: string): readonly string[] {
  return (object.metadata.annotations?.[annotation] ?? '').split(',').map((option) => option.trim());
}

/** Whether a sync option is set on the object (`Prune=false`) or, unless the object says otherwise, on the application. */
export function hasSyncOption(
  object: KubeObject,
  option: string,
  ofApplication: readonly string[] = [],
): boolean {
  const own = listed(object, OPTIONS);
  const name = option.slice(0, option.indexOf('=') + 1);
  if (own.some((each) => each.startsWith(name))) return own.includes(option);
  return ofApplication.includes(option);
}

/** The hooks that a manifest is (`PreSync`, `PostSync`, `Skip` …), empty for an ordinary object. */
export function hooksOf(object: KubeObject): readonly string[] {
  return listed(object, HOOK).filter((hook) => hook !== '');
}

/** Argo's `IgnoreExtraneous`: the object may exist without being in Git. */
export function ignoresExtraneous(object: KubeObject): boolean {
  return listed(object, COMPARE).includes('IgnoreExtraneous');
}
