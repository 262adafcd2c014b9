/** The events of autoscalers, in the words of Kubernetes' horizontal controller. */
import { eventsOf, type EventTexts, normal, warning } from '../planned-event.ts';

export const AUTOSCALER_EVENTS = {
  component: 'horizontal-pod-autoscaler',
  texts: {
    failedGetScale: warning('FailedGetScale'),
    selectorRequired: warning('SelectorRequired'),
    invalidSelector: warning('InvalidSelector'),
    ambiguousSelector: warning('AmbiguousSelector'),
    failedMetrics: warning('FailedComputeMetricsReplicas'),
    FailedGetResourceMetric: warning('FailedGetResourceMetric'),
    FailedGetContainerResourceMetric: warning('FailedGetContainerResourceMetric'),
    FailedGetPodsMetric: warning('FailedGetPodsMetric'),
    FailedGetObjectMetric: warning('FailedGetObjectMetric'),
    FailedGetExternalMetric: warning('FailedGetExternalMetric'),
    InvalidMetricSourceType: warning('InvalidMetricSourceType'),
    failedRescale: warning('FailedRescale'),
    rescaled: normal('SuccessfulRescale'),
  },
} satisfies EventTexts;

export type AutoscalerEvent = keyof typeof AUTOSCALER_EVENTS.texts;
export const autoscalerEvent = eventsOf<typeof AUTOSCALER_EVENTS.texts>();
