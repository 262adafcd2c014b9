/** Combines the proposals of all metrics of an autoscaler; pure. */
import type { Pod } from '../../schemas/types.ts';
import type { AutoscalerEvent } from './autoscaler-events.ts';
import { type Draft, type ScaleTarget, type Selected, setCondition, tell } from './autoscaler-view.ts';
import type { MetricContext, Proposal } from './measurement.ts';
import { type MetricProblem, planMetric, toleranceOf } from './plan-metric.ts';

interface Asked {
  readonly replicas: number;
  /** The metric that asks for the most. */
  readonly name: string;
  readonly statuses: readonly unknown[];
}

type Refused = { readonly failure: string; readonly statuses?: readonly unknown[] };

/** The largest of the metrics' proposals. A metric that fails stops scaling down, not up. */
export function planProposals(draft: Draft, target: ScaleTarget): Asked | Refused {
  const { view } = draft;
  const { selected, measurements } = view;
  const problem = selectorProblem(draft, target, selected);
  if (problem !== undefined || 'invalid' in selected) return { failure: problem ?? '' };
  const context = contextOf(draft, target, selected.pods);
  const statuses: unknown[] = [];
  const problems: MetricProblem[] = [];
  let best: Proposal | undefined;
  const specs = view.autoscaler.spec.metrics ?? [];
  for (const [index, spec] of specs.entries()) {
    const outcome = planMetric(spec, measurements[index] ?? { failure: 'it was not measured' }, context);
    if ('whole' in outcome) {
      problems.push(outcome);
      tell(draft, outcome.reason as AutoscalerEvent, outcome.message);
      statuses.push({ type: '' });
      continue;
    }
    statuses.push(outcome.status);
    if (!best || best.replicas === 0 || outcome.replicas > best.replicas) best = outcome;
  }
  const [first] = problems;
  if (!best || (first && best.replicas < target.specReplicas)) {
    const { reason = '', message = '', whole = '' } = first ?? {};
    setCondition(draft, 'ScalingActive', 'False', {
      reason,
      message: `the HPA was unable to compute the replica count: ${message}`,
    });
    const count = `${problems.length} invalid out of ${specs.length}`;
    return { failure: `invalid metrics (${count}), first error is: ${whole}`, statuses };
  }
  setCondition(draft, 'ScalingActive', 'True', {
    reason: 'ValidMetricFound',
    message: `the HPA was able to successfully calculate a replica count from ${best.name}`,
  });
  return { replicas: best.replicas, name: best.name, statuses };
}

/** The failure of a selector that is invalid, or that another autoscaler shares. */
function selectorProblem(draft: Draft, { selector }: ScaleTarget, selected: Selected): string | undefined {
  const refuse = (name: AutoscalerEvent, reason: string, message: string, shown = message): string => {
    tell(draft, name, message);
    setCondition(draft, 'ScalingActive', 'False', { reason, message: shown });
    return message;
  };
  if (selector === '') {
    const shown = "the HPA target's scale is missing a selector";
    return refuse('selectorRequired', 'InvalidSelector', 'selector is required', shown);
  }
  if ('invalid' in selected) {
    const why = `couldn't convert selector into a corresponding internal selector object: ${selected.invalid}`;
    return refuse('invalidSelector', 'InvalidSelector', why);
  }
  if (selected.rivals.length < 2) return undefined;
  const all = selected.rivals.join(' ');
  const why = `pods by selector ${selector} are controlled by multiple HPAs: [${all}]`;
  return refuse('ambiguousSelector', 'AmbiguousSelector', why);
}

function contextOf({ view, nowMs }: Draft, target: ScaleTarget, pods: readonly Pod[]): MetricContext {
  const { autoscaler, options } = view;
  const { behavior } = autoscaler.spec;
  return {
    pods,
    namespace: autoscaler.metadata.namespace ?? '',
    specReplicas: target.specReplicas,
    statusReplicas: target.statusReplicas,
    tolerances: {
      scaleDown: toleranceOf(behavior?.scaleDown?.tolerance, options.tolerance),
      scaleUp: toleranceOf(behavior?.scaleUp?.tolerance, options.tolerance),
    },
    options,
    nowMs,
  };
}
