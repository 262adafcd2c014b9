/**
 * Annotations of pods that belong to the control plane. A request neither sets, changes nor removes
 * them: a create drops them, an update keeps those of the stored pod.
 */
import { isRecord } from '../../base/json.ts';
import { omit } from '../json-access.ts';
import { controllerOf, type KubeObject } from '../object.ts';
import type { ResourceKind } from '../resource-kind.ts';

/** Proves that the control plane bound the pod (resources/writing/placement-proof.ts). */
export const PLACEMENT_PROOF = 'symphony.dev/placement-proof';
/** `KIND/NAME` of the controller that a restored pod had before the store lost its history. */
export const RESTORED_OWNER = 'symphony.dev/restored-owner';

/** Proves that the control plane wrote the volume of a node. Kept on PersistentVolumes, not pods. */
export const VOLUME_PROOF = 'symphony.dev/volume-proof';

const MARKS = [PLACEMENT_PROOF, RESTORED_OWNER] as const;

export const isPod = (kind: Pick<ResourceKind, 'group' | 'kind'>): boolean =>
  kind.group === '' && kind.kind === 'Pod';

/** The pod with exactly the marks of `current`; the same object if it has these already. */
export function withMarksOf<T extends KubeObject>(pod: T, current?: KubeObject): T {
  const annotations = annotationsOf(pod);
  const kept = annotationsOf(current);
  if (MARKS.every((mark) => annotations[mark] === kept[mark])) return pod;
  const next = { ...annotations };
  for (const mark of MARKS) {
    const value = kept[mark];
    if (value === undefined) delete next[mark];
    else next[mark] = value;
  }
  return withAnnotations(pod, next);
}

/** The pod with this mark set, or removed where there is no value. */
export function withMark<T extends KubeObject>(
  pod: T,
  mark: (typeof MARKS)[number] | typeof VOLUME_PROOF,
  value: string | undefined,
): T {
  const annotations = annotationsOf(pod);
  if (annotations[mark] === value) return pod;
  const others = omit(annotations, mark);
  return withAnnotations(pod, value === undefined ? others : { ...others, [mark]: value });
}

/** The annotations of a pod without the marks. */
export const withoutMarks = (annotations: Readonly<Record<string, string>>): Record<string, string> =>
  omit(annotations, ...MARKS);

export const isRestored = (pod: KubeObject): boolean => annotationsOf(pod)[RESTORED_OWNER] !== undefined;

/** Kind and name of the controller that a pod without one had before the store lost its history. */
export function restoredOwnerOf(
  pod: KubeObject,
): { readonly kind: string; readonly name: string } | undefined {
  const [kind = '', name = ''] = annotationsOf(pod)[RESTORED_OWNER]?.split('/') ?? [];
  return kind === '' || controllerOf(pod) ? undefined : { kind, name };
}

/** Tolerant: marks are handled before anything is validated. */
function annotationsOf(object: KubeObject | undefined): Record<string, string> {
  const { annotations } = isRecord(object?.metadata) ? object.metadata : {};
  return isRecord(annotations) ? annotations : {};
}

function withAnnotations<T extends KubeObject>(pod: T, annotations: Record<string, string>): T {
  const isEmpty = Object.keys(annotations).length === 0;
  const metadata = isEmpty ? omit(pod.metadata, 'annotations') : { ...pod.metadata, annotations };
  return { ...pod, metadata };
}
