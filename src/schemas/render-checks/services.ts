/** Services whose selector matches no pod of the render, nor of a known cluster. Pure. */
import { asRecord, type Fields } from '../json-access.ts';
import { type KubeObject, keyOf, objectKey, parseApiVersion } from '../object.ts';
import { podSpecPaths, podTemplateOf } from '../profile/index.ts';
import type { RenderCheckOptions, RenderObject, RenderWarning } from './types.ts';

/** Controllers put these labels on pods; no template has them. */
const LABELS_OF_CONTROLLERS =
  /^(?:statefulset\.kubernetes\.io\/|apps\.kubernetes\.io\/|batch\.kubernetes\.io\/|job-name$|controller-uid$|controller-revision-hash$|pod-template-)/;

type Labels = readonly (readonly [string, unknown])[];

export function checkServices<Item extends RenderObject>(
  items: readonly Item[],
  { cluster, refused = [] }: Pick<RenderCheckOptions, 'cluster' | 'refused'>,
): readonly RenderWarning<Item>[] {
  const objects = [...items.map(({ object }) => object), ...refused];
  const makers = indexByLabel(objects);
  const operated = new Set(objects.filter(isCustom).map(keyOf));
  return items.flatMap((item) => {
    const { object } = item;
    const selector = selectorOf(object);
    if (selector.length === 0) return [];
    const matching = makersOf(makers, selector);
    const { namespace = '' } = object.metadata;
    // The operator of a custom object makes pods with its name among their labels.
    if (selector.some(([, value]) => operated.has(objectKey(namespace, String(value))))) return [];
    if (matching.some(({ metadata }) => metadata.namespace === namespace)) return [];
    const pods = cluster?.podsIn(namespace) ?? 'unknown';
    if (pods !== 'unknown' && pods.some(({ metadata }) => matches(selector, metadata.labels ?? {})))
      return [];
    const whose = pods === 'unknown' ? 'these manifests' : 'these manifests or of the cluster';
    const wanted = selector.map(([key, value]) => `${key}=${String(value)}`).join(',');
    const [elsewhere] = matching;
    return [
      {
        stopsPods: false,
        item,
        path: 'spec.selector',
        message: `no pod of ${whose} in namespace "${namespace}" has the labels ${wanted}: the Service leads nowhere without one`,
        ...(elsewhere ? { hint: `${elsewhere.kind} "${keyOf(elsewhere)}" has them` } : {}),
      },
    ];
  });
}

/** An object of somebody's own kind: of a group with a domain that is not Kubernetes'. */
const isCustom = ({ apiVersion }: KubeObject): boolean => {
  const { group } = parseApiVersion(apiVersion);
  return group.includes('.') && !group.endsWith('.k8s.io');
};

function selectorOf(object: KubeObject): Labels {
  if (object.apiVersion !== 'v1' || object.kind !== 'Service') return [];
  const spec = asRecord(object['spec']);
  if (spec['type'] === 'ExternalName') return [];
  return Object.entries(asRecord(spec['selector'])).filter(([key]) => !LABELS_OF_CONTROLLERS.test(key));
}

const matches = (selector: Labels, labels: Fields): boolean =>
  selector.every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value);

const labelsOf = (object: KubeObject): Fields =>
  asRecord(asRecord(podTemplateOf(object)['metadata'])['labels']);

const labelId = (key: string, value: unknown): string => `${key}=${String(value)}`;

/** Pods and their makers by each label of the pods: a render may have thousands of Services. */
function indexByLabel(objects: readonly KubeObject[]): ReadonlyMap<string, readonly KubeObject[]> {
  const makers = new Map<string, KubeObject[]>();
  for (const object of objects) {
    if (!Object.hasOwn(podSpecPaths, `${object.apiVersion}/${object.kind}`)) continue;
    for (const [key, value] of Object.entries(labelsOf(object))) {
      const known = makers.get(labelId(key, value));
      if (known) known.push(object);
      else makers.set(labelId(key, value), [object]);
    }
  }
  return makers;
}

/** Those with the rarest of the labels are looked at. */
function makersOf(
  makers: ReadonlyMap<string, readonly KubeObject[]>,
  selector: Labels,
): readonly KubeObject[] {
  const [rarest = []] = selector
    .map(([key, value]) => makers.get(labelId(key, value)) ?? [])
    .sort((a, b) => a.length - b.length);
  return rarest.filter((object) => matches(selector, labelsOf(object)));
}
