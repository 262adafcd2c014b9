/**
 * Problems that a valid render is likely to have at run time: pods that Pod Security would refuse,
 * and names that lead nowhere. Warnings only: labels of namespaces and other objects may come from
 * elsewhere. Pure.
 */
import { foreseeRefusal } from '../pod-security/plan-pod-security.ts';
import { isExempt, namespacePolicy } from '../pod-security/namespace-policy.ts';
import { podSpecPaths } from '../profile/index.ts';
import { checkReferences } from './missing-references.ts';
import { checkServices } from './services.ts';
import type { RenderCheckOptions, RenderObject, RenderWarning } from './types.ts';

export { missingTargets } from './missing-references.ts';
export type { ClusterView, RenderCheckOptions, RenderObject, RenderWarning, Target } from './types.ts';

export function checkRender<Item extends RenderObject>(
  items: readonly Item[],
  options: RenderCheckOptions,
): readonly RenderWarning<Item>[] {
  return [
    ...checkPodSecurity(items, options),
    ...checkReferences(items, options),
    ...checkServices(items, options),
  ];
}

const isNamespace = ({ kind }: RenderObject): boolean => kind.group === '' && kind.kind === 'Namespace';

function checkPodSecurity<Item extends RenderObject>(
  items: readonly Item[],
  { defaultPodSecurity, cluster }: RenderCheckOptions,
): readonly RenderWarning<Item>[] {
  const rendered = new Map(
    items.filter(isNamespace).map(({ object }) => [object.metadata.name, object] as const),
  );
  return items.flatMap((item) => {
    const { object } = item;
    const path = podSpecPaths[`${object.apiVersion}/${object.kind}`];
    const { namespace } = object.metadata;
    // A cluster-scoped object does not say in which namespaces its pods will be.
    if (path === undefined || namespace === undefined) return [];
    const found =
      rendered.get(namespace) ??
      cluster?.find({ resource: 'namespaces', namespace: undefined, name: namespace });
    const labels = found === undefined || found === 'unknown' ? undefined : found.metadata.labels;
    if (isExempt(namespace, labels)) return [];
    const refusal = foreseeRefusal(object, namespacePolicy(namespace, labels, defaultPodSecurity));
    if (!refusal) return [];
    const hint = `its pods would be refused; to allow them, label the Namespace "${namespace}" with ${refusal.label}`;
    return [{ stopsPods: true, item, path, message: refusal.message, hint }];
  });
}
