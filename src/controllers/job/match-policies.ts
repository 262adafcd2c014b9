/** Finds the rule of a pod failure policy, or of a success policy, that applies; pure. */
import {
  countCommon,
  countIndexes,
  type Intervals,
  readIntervals,
} from '../../schemas/values/index-intervals.ts';
import type { ContainerStatus, Job, Pod } from '../../schemas/types.ts';

type FailurePolicy = NonNullable<Job['spec']['podFailurePolicy']>;
type FailureRule = FailurePolicy['rules'][number];

export interface FailureMatch {
  readonly action?: string;
  /** Whether the failure counts towards the limits. */
  readonly isCounted: boolean;
  /** The reason for which the whole Job fails. */
  readonly jobFailure?: string;
}

/** The first rule that matches decides. */
export function matchFailurePolicy(policy: FailurePolicy | undefined, pod: Pod): FailureMatch {
  for (const [index, rule] of (policy?.rules ?? []).entries()) {
    const why = rule.onExitCodes ? exitThatMatches(rule, pod) : conditionThatMatches(rule, pod);
    if (why === undefined) continue;
    const { action } = rule;
    if (action === 'FailJob')
      return { action, isCounted: true, jobFailure: `${why} matching FailJob rule at index ${index}` };
    return { action, isCounted: action !== 'Ignore' };
  }
  return { isCounted: true };
}

const nameOf = ({ metadata }: Pod): string => `${metadata.namespace ?? ''}/${metadata.name}`;

function exitThatMatches({ onExitCodes }: FailureRule, pod: Pod): string | undefined {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  const { operator, values = [], containerName } = onExitCodes ?? { operator: '' };
  const matches = ({ name, state }: ContainerStatus): boolean => {
    const code = state?.terminated?.exitCode ?? 0;
    if (code === 0 || (typeof containerName === 'string' && containerName !== name)) return false;
    if (operator === 'In') return values.includes(code);
    return operator === 'NotIn' && !values.includes(code);
  };
  const found = containerStatuses.find(matches) ?? initContainerStatuses.find(matches);
  if (!found) return undefined;
  const code = found.state?.terminated?.exitCode ?? 0;
  return `Container ${found.name} for pod ${nameOf(pod)} failed with exit code ${code}`;
}

function conditionThatMatches({ onPodConditions = [] }: FailureRule, pod: Pod): string | undefined {
  const found = (pod.status?.conditions ?? []).find(({ type, status }) =>
    onPodConditions.some((pattern) => pattern.type === type && pattern.status === status),
  );
  return found && `Pod ${nameOf(pod)} has condition ${found.type}`;
}

/** The reason for which the Job has succeeded already; undefined if no rule is met. */
export function matchSuccessPolicy({ spec }: Job, succeeded: Intervals): string | undefined {
  const isMet = ({ succeededIndexes, succeededCount }: SuccessRule): boolean => {
    if (typeof succeededIndexes !== 'string')
      return typeof succeededCount === 'number' && countIndexes(succeeded) >= succeededCount;
    const required = readIntervals(succeededIndexes, spec.completions ?? 0);
    if (required.length === 0) return false;
    const common = countCommon(required, succeeded);
    return common === countIndexes(required) || common >= (succeededCount ?? Number.POSITIVE_INFINITY);
  };
  if (!spec.successPolicy || succeeded.length === 0) return undefined;
  const index = (spec.successPolicy.rules ?? []).findIndex(isMet);
  return index < 0 ? undefined : `Matched rules at index ${index}`;
}

type SuccessRule = NonNullable<NonNullable<Job['spec']['successPolicy']>['rules']>[number];
