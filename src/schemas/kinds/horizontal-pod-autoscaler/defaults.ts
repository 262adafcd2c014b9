/** Defaults of `autoscaling/v2` HorizontalPodAutoscaler. */
import { jsonClone } from '../../../base/json.ts';
import { type Draft, dropZero, fill, part } from '../../defaults/draft.ts';

/** The target of an autoscaler without any metric, in percent. */
export const DEFAULT_CPU_UTILIZATION = 80;

const PERIOD_SECONDS = 15;
const DOUBLE = { type: 'Percent', value: 100, periodSeconds: PERIOD_SECONDS };
const SCALE_UP = {
  selectPolicy: 'Max',
  stabilizationWindowSeconds: 0,
  policies: [{ type: 'Pods', value: 4, periodSeconds: PERIOD_SECONDS }, DOUBLE],
};
/** Its window is a flag of the controller. */
const SCALE_DOWN = { selectPolicy: 'Max', policies: [DOUBLE] };

/** An average utilization of all pods, in percent of what they request. */
export const cpuUtilization = (percent: unknown): Draft => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: percent } },
});

export function defaultAutoscaler(draft: Draft): void {
  const spec = part(draft, 'spec');
  if (!spec) return;
  fill(spec, { minReplicas: 1, metrics: [cpuUtilization(DEFAULT_CPU_UTILIZATION)] });
  dropZero(part(spec, 'scaleTargetRef'), ['apiVersion']);
  const behavior = part(spec, 'behavior');
  fill(behavior, { scaleUp: {}, scaleDown: {} });
  fill(part(behavior, 'scaleUp'), jsonClone(SCALE_UP));
  fill(part(behavior, 'scaleDown'), jsonClone(SCALE_DOWN));
}
