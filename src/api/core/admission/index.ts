/** The admission rules in the order in which they run. */
import type { KubeObject } from '../../../schemas/object.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { nodeTaint } from './node.ts';
import { podDefaults } from './pod.ts';
import type { AdmissionDependencies, AdmissionRequest, AdmissionRule } from './types.ts';

const rules: readonly AdmissionRule[] = [namespaceLifecycle, nodeTaint, podDefaults];

export async function admit(
  request: AdmissionRequest,
  dependencies: AdmissionDependencies,
): Promise<KubeObject> {
  let { object } = request;
  for (const rule of rules) {
    const step = { ...request, object };
    if (rule.applies(step)) object = await rule.admit(step, dependencies);
  }
  return object;
}
