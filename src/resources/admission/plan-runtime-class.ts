/**
 * Gives a pod what the RuntimeClass says that it names: overhead, where it may run. Upstream's
 * RuntimeClass plug-in, pure.
 */
import { jsonEqual, ownMember } from '../../base/json.ts';
import { asRecord, asRecords } from '../../schemas/json-access.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { toMilli } from '../../schemas/values/quantity.ts';
import type { Pod, PodSpec, Toleration } from '../../schemas/types.ts';

export type RuntimeClassPlan = { readonly spec: PodSpec } | { readonly refusal: string };

/** `named` is the class that the pod names, as far as there is one. */
export function planRuntimeClass({ spec }: Pod, named: KubeObject | undefined): RuntimeClassPlan {
  const name = spec.runtimeClassName ?? '';
  if (name !== '' && !named)
    return { refusal: `pod rejected: RuntimeClass ${JSON.stringify(name)} not found` };
  const overhead = asRecord(asRecord(named?.['overhead'])['podFixed']);
  const own = asRecord(spec.overhead);
  if (Object.keys(own).length > 0 && !sameAmounts(own, overhead)) {
    const why =
      Object.keys(overhead).length === 0
        ? 'Pod Overhead set without corresponding RuntimeClass defined Overhead'
        : "Pod's Overhead doesn't match RuntimeClass's defined Overhead";
    return { refusal: `pod rejected: ${why}` };
  }
  const { nodeSelector, tolerations } = asRecord(named?.['scheduling']);
  const wanted = asRecord(nodeSelector) as Readonly<Record<string, string>>;
  for (const [key, value] of Object.entries(wanted)) {
    const asked = ownMember(spec.nodeSelector, key);
    if (asked === undefined || asked === value) continue;
    const at = `nodeSelector[${key}]`;
    return { refusal: `conflict: runtimeClass.scheduling.${at} = ${value}; pod.spec.${at} = ${asked}` };
  }
  const added = asRecords(tolerations) as unknown as readonly Toleration[];
  return {
    spec: {
      ...spec,
      ...(Object.keys(overhead).length > 0 ? { overhead: overhead as NonNullable<PodSpec['overhead']> } : {}),
      ...(Object.keys(wanted).length > 0 ? { nodeSelector: { ...spec.nodeSelector, ...wanted } } : {}),
      ...(added.length > 0 ? { tolerations: merged(spec.tolerations ?? [], added) } : {}),
    },
  };
}

function sameAmounts(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): boolean {
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && toMilli(a[name]) === toMilli(b[name]))
  );
}

/** Both lists, without what another entry covers; of equal ones the first stays. */
function merged(first: readonly Toleration[], second: readonly Toleration[]): Toleration[] {
  const all = [...first, ...second];
  return all.filter(
    (toleration, index) =>
      !all.some((other, place) =>
        jsonEqual(other, toleration) ? place < index : place !== index && covers(other, toleration),
      ),
  );
}

/** Whether `wide` tolerates everything that `narrow` does. */
function covers(wide: Toleration, narrow: Toleration): boolean {
  const anyKey = !wide.key && wide.operator === 'Exists';
  if ((narrow.key ?? '') !== (wide.key ?? '') && !anyKey) return false;
  if (wide.effect && wide.effect !== narrow.effect) return false;
  const seconds = wide.effect === 'NoExecute' ? wide.tolerationSeconds : undefined;
  if (
    seconds !== undefined &&
    !(narrow.tolerationSeconds !== undefined && narrow.tolerationSeconds <= seconds)
  )
    return false;
  if (wide.operator === 'Exists') return true;
  return narrow.operator !== 'Exists' && (narrow.value ?? '') === (wide.value ?? '');
}
