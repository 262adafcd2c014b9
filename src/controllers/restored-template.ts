/**
 * The template of a pod that an agent brought back after the store lost its history; pure. Git has
 * the newest template only, so an older one is read off its pods.
 */
import { jsonEqual } from '../base/json.ts';
import { omit } from '../schemas/json-access.ts';
import { podKind } from '../schemas/kinds/pod/kind.ts';
import { withoutMarks } from '../schemas/pods/pod-marks.ts';
import type { Pod, PodSpec, PodTemplate } from '../schemas/types.ts';
import { sameTemplate } from './deployment/template-hash.ts';

type Tolerations = PodSpec['tolerations'];

/**
 * The template as far as the pod shows it; undefined where its controller makes this very pod from
 * the template of today (`made`). A hash alone does not tell: another version knew fewer defaults,
 * or nobody remembers a collision.
 */
export function olderTemplateOf(pod: Pod, made: Pod): PodTemplate | undefined {
  // Pods have defaults that templates have not.
  const full = podKind.withDefaults(made) as Pod;
  const { tolerations } = full.spec;
  const shown = templateOf(pod, tolerations);
  return sameTemplate(templateOf(full, tolerations), shown) ? undefined : shown;
}

/** Without what the server and the scheduler added. */
function templateOf({ metadata, spec }: Pod, tolerations: Tolerations): PodTemplate {
  const annotations = withoutMarks(metadata.annotations ?? {});
  return {
    metadata: {
      labels: { ...metadata.labels },
      ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
    },
    spec: withoutAdditions(spec, tolerations),
  };
}

/** Set by admission from the class of the pod, or at binding; no template has them. */
const ADDED = ['nodeName', 'priority', 'preemptionPolicy', 'ephemeralContainers'];
/** Set by admission where the template names none. */
const ACCOUNT = ['serviceAccountName', 'serviceAccount'];
/** Volumes with the token of the service account, which the server mounts into every container. */
const isToken = ({ name }: { readonly name: string }): boolean => name.startsWith('kube-api-access-');
const AWAY = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];

/** Whether admission may have given it to the pod. The seconds are those of the flags of that day. */
const isDefaultToleration = ({ key, operator, effect }: NonNullable<Tolerations>[number]): boolean =>
  effect === 'NoExecute' && operator === 'Exists' && AWAY.includes(key ?? '');

/** `own`: the tolerations of the template, as far as it is known. */
function withoutAdditions(spec: PodSpec, own: Tolerations = []): PodSpec {
  const volumes = spec.volumes?.filter((volume) => !isToken(volume)) ?? [];
  const tolerations =
    spec.tolerations?.filter(
      (one) => !isDefaultToleration(one) || own.some((known) => jsonEqual(one, known)),
    ) ?? [];
  const strip = <T extends PodSpec['containers'][number]>(container: T): T => {
    const kept = container.volumeMounts?.filter((mount) => !isToken(mount)) ?? [];
    const bare = omit(container, 'volumeMounts');
    return kept.length > 0 ? { ...bare, volumeMounts: kept } : bare;
  };
  return {
    ...omit(
      spec,
      ...ADDED,
      ...(spec.serviceAccountName === 'default' ? ACCOUNT : []),
      'volumes',
      'tolerations',
    ),
    containers: spec.containers.map(strip),
    ...(spec.initContainers ? { initContainers: spec.initContainers.map(strip) } : {}),
    ...(volumes.length > 0 ? { volumes } : {}),
    ...(tolerations.length > 0 ? { tolerations } : {}),
  };
}
