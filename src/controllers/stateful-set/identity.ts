/**
 * The identity of the pods of a StatefulSet: ordinal, name, labels, host name and claims; pure. A
 * pod is a member by its name, so that an ordinal has at most one pod: the API keeps names unique
 * (INVARIANTS 5).
 */
import { jsonEqual } from '../../base/json.ts';
import { omit } from '../../schemas/json-access.ts';
import type { Pod, PersistentVolumeClaim, PodTemplate, StatefulSet, Volume } from '../../schemas/types.ts';
import { REVISION_LABEL } from '../revision-history/plan-revision-history.ts';
import { podCalled } from '../owned-pod.ts';

export const POD_NAME_LABEL = 'statefulset.kubernetes.io/pod-name';
const POD_INDEX_LABEL = 'apps.kubernetes.io/pod-index';

const MEMBER_NAME = /^(.+)-(0|[1-9]\d{0,9})$/;
const MAX_ORDINAL = 2_147_483_647;

export interface MemberName {
  readonly set: string;
  readonly ordinal: number;
}

/** Undefined where no StatefulSet makes a pod, or a claim's end, of this name. */
export function memberNameOf(name: string): MemberName | undefined {
  const [, set, digits] = MEMBER_NAME.exec(name) ?? [];
  const ordinal = Number(digits);
  return set === undefined || ordinal > MAX_ORDINAL ? undefined : { set, ordinal };
}

export const isMember = (set: StatefulSet, pod: Pod): boolean =>
  memberNameOf(pod.metadata.name)?.set === set.metadata.name;

/** Members only. */
export const ordinalOf = (pod: Pod): number => memberNameOf(pod.metadata.name)?.ordinal ?? -1;

export const startOf = ({ spec }: StatefulSet): number => spec.ordinals?.start ?? 0;
export const replicasOf = ({ spec }: StatefulSet): number => spec.replicas ?? 1;

export function isInRange(set: StatefulSet, ordinal: number): boolean {
  return ordinal >= startOf(set) && ordinal < startOf(set) + replicasOf(set);
}

export const podNameOf = (set: StatefulSet, ordinal: number): string => `${set.metadata.name}-${ordinal}`;

const templatesOf = ({ spec }: StatefulSet): readonly PersistentVolumeClaim[] =>
  (spec.volumeClaimTemplates ?? []) as readonly PersistentVolumeClaim[];

const claimNameOf = (set: StatefulSet, template: PersistentVolumeClaim, ordinal: number): string =>
  `${template.metadata.name}-${podNameOf(set, ordinal)}`;

/** The claims of a pod as they are made. Templates of one name make one claim, as upstream. */
export function claimsFor(set: StatefulSet, ordinal: number): readonly PersistentVolumeClaim[] {
  const { namespace } = set.metadata;
  const byName = new Map(templatesOf(set).map((template) => [template.metadata.name, template]));
  return [...byName.values()].map((template) => {
    const { labels, annotations } = template.metadata;
    return {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: {
        name: claimNameOf(set, template, ordinal),
        ...(namespace === undefined ? {} : { namespace }),
        labels: { ...labels, ...set.spec.selector.matchLabels },
        ...(annotations ? { annotations: { ...annotations } } : {}),
      },
      spec: template.spec,
    };
  });
}

/** Whether a claim of this name belongs to a pod of the set. */
export function isClaimOf(set: StatefulSet, claim: string): boolean {
  const parsed = memberNameOf(claim);
  return (
    parsed !== undefined &&
    templatesOf(set).some(({ metadata }) => parsed.set === `${metadata.name}-${set.metadata.name}`)
  );
}

/** A volume for each claim, in front, in the place of a volume of its name. */
function volumesFor(set: StatefulSet, ordinal: number, own: readonly Volume[]): readonly Volume[] {
  const names = new Map(
    templatesOf(set).map((template) => [template.metadata.name ?? '', claimNameOf(set, template, ordinal)]),
  );
  const claims = [...names].map(([name, claimName]) => ({ name, persistentVolumeClaim: { claimName } }));
  return [...claims, ...own.filter(({ name }) => !names.has(name))];
}

export interface PodRevision {
  /** The name of the ControllerRevision. */
  readonly name: string;
  readonly template: PodTemplate;
}

export function podFor(set: StatefulSet, { name: revision, template }: PodRevision, ordinal: number): Pod {
  const { serviceName } = set.spec;
  const name = podNameOf(set, ordinal);
  const volumes = volumesFor(set, ordinal, template.spec?.volumes ?? []);
  const { labels } = template.metadata ?? {};
  return podCalled({ name, generateName: `${set.metadata.name}-` }, set, {
    metadata: {
      ...template.metadata,
      labels: { ...labels, ...identityLabels(set, ordinal), [REVISION_LABEL]: revision },
    },
    spec: {
      containers: [],
      ...template.spec,
      hostname: name,
      ...(serviceName ? { subdomain: serviceName } : {}),
      ...(volumes.length > 0 ? { volumes: [...volumes] } : {}),
    },
  });
}

const identityLabels = (set: StatefulSet, ordinal: number): Readonly<Record<string, string>> => ({
  [POD_NAME_LABEL]: podNameOf(set, ordinal),
  [POD_INDEX_LABEL]: String(ordinal),
});

export const revisionOf = ({ metadata }: Pod): string => metadata.labels?.[REVISION_LABEL] ?? '';

/** The template of a pod of the set, without what {@link podFor} gave to the pod. */
export function withoutIdentity(set: StatefulSet, { metadata, spec }: PodTemplate): PodTemplate {
  const claims = new Set(templatesOf(set).map((template) => template.metadata.name));
  const volumes = (spec?.volumes ?? []).filter(({ name }) => !claims.has(name));
  return {
    metadata: { ...metadata, labels: omit(metadata?.labels ?? {}, ...IDENTITY_LABELS) },
    spec: {
      containers: [],
      ...omit(spec ?? {}, 'hostname', 'subdomain', 'volumes'),
      ...(volumes.length > 0 ? { volumes } : {}),
    },
  };
}

const IDENTITY_LABELS = [POD_NAME_LABEL, POD_INDEX_LABEL, REVISION_LABEL];

/** Undefined where the pod has its labels already. */
export function withIdentity(set: StatefulSet, pod: Pod): Pod | undefined {
  if (pod.metadata.labels?.[POD_NAME_LABEL] === pod.metadata.name) return undefined;
  const labels = { ...pod.metadata.labels, ...identityLabels(set, ordinalOf(pod)) };
  return { ...pod, metadata: { ...pod.metadata, labels } };
}

/** Whether the pod uses its claims. Nothing can give them to a pod that was made otherwise. */
export function usesItsClaims(set: StatefulSet, pod: Pod): boolean {
  const volumes = new Map((pod.spec.volumes ?? []).map((volume) => [volume.name, volume]));
  return templatesOf(set).every((template) =>
    jsonEqual(
      volumes.get(template.metadata.name ?? '')?.persistentVolumeClaim?.claimName,
      claimNameOf(set, template, ordinalOf(pod)),
    ),
  );
}
