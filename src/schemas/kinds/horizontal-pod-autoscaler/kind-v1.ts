/** `autoscaling/v1` HorizontalPodAutoscaler; stored in the form of `autoscaling/v2`. */
import { fill, type Draft, part } from '../../defaults/draft.ts';
import { asRecord, omit } from '../../json-access.ts';
import type { KubeObject } from '../../object.ts';
import { defineKind } from '../define-kind.ts';
import { annotationsOf, STATUS_ANNOTATIONS, toV1, toV2 } from './convert-v1.ts';
import { AUTOSCALER } from './kind.ts';
import { autoscalerTable } from './table.ts';
import { validateAutoscaler, validateAutoscalerStatus } from './validation.ts';

const seen = new WeakMap<KubeObject, KubeObject>();

/** The same object comes back for the same input. */
function served(object: KubeObject): KubeObject {
  let found = seen.get(object);
  if (!found) seen.set(object, (found = toV1(object)));
  return found;
}

/** The object whose part of the status that lies in annotations is that of `current`. */
function withStatusOf(object: KubeObject, current: KubeObject | undefined): KubeObject {
  const own: Record<string, string> = omit(annotationsOf(object), ...STATUS_ANNOTATIONS);
  for (const name of STATUS_ANNOTATIONS) {
    const value = current && annotationsOf(current)[name];
    if (value !== undefined) own[name] = value;
  }
  const metadata = omit(object.metadata, 'annotations');
  return {
    ...object,
    metadata: Object.keys(own).length === 0 ? metadata : { ...metadata, annotations: own },
  };
}

/** The default of the target depends on the metrics in the annotations. */
function fillDefaults(draft: Draft): void {
  const spec = part(draft, 'spec');
  fill(spec, { minReplicas: 1 });
  if (!spec || spec['targetCPUUtilizationPercentage'] !== undefined) return;
  const { targetCPUUtilizationPercentage } = asRecord(toV1(toV2(draft as unknown as KubeObject))['spec']);
  if (targetCPUUtilizationPercentage !== undefined) fill(spec, { targetCPUUtilizationPercentage });
}

export const horizontalPodAutoscalerV1Kind = defineKind({
  ...AUTOSCALER,
  table: { ...autoscalerTable, cells: (object, nowMs) => autoscalerTable.cells(toV2(object), nowMs) },
  lenient: ['spec', 'spec.maxReplicas', 'spec.scaleTargetRef'],
  storedAs: { group: 'autoscaling', version: 'v2', kind: 'HorizontalPodAutoscaler' },
  storage: {
    resource: { group: 'autoscaling', plural: 'horizontalpodautoscalers' },
    isMain: false,
    toStored: toV2,
    fromStored: served,
  },
  fillDefaults,
  initialStatus: () => ({ currentReplicas: 0, desiredReplicas: 0 }),
  prepareForCreate: (object) => withStatusOf(object, undefined),
  prepareForUpdate: withStatusOf,
  validate: (object, current) => validateAutoscaler(toV2(object), current && toV2(current)),
  validateStatus: validateAutoscalerStatus,
});
