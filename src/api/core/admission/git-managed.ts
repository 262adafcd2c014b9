/**
 * Objects that Git manages: whoever may change them may, is told that it will not last, and is named where the drift is
 * shown. The sync worker's own writes put things back and take the name away.
 */
import { managingApplication, SYNC_USER } from '../../../diff/tracking.ts';
import { splitKey } from '../../../schemas/object.ts';
import { planGitManaged, withChangedBy } from './plan-git-managed.ts';
import type { AdmissionRule } from './types.ts';

export const gitManaged: AdmissionRule = {
  name: 'GitManaged',
  applies: ({ operation, subresource, current, internal, context }) =>
    operation === 'update' &&
    (subresource === undefined || subresource === 'scale') &&
    current !== undefined &&
    managingApplication(current) !== undefined &&
    (!internal || context.user.name === SYNC_USER),
  admit({ kind, object, current, context, internal, dryRun }, { nowMs, tell }) {
    if (internal || !current) return Promise.resolve(withChangedBy(object, undefined));
    const user = context.user.name;
    const plan = planGitManaged(kind.withDefaults(object), current, user, nowMs());
    const { application } = plan;
    if (application === undefined) return Promise.resolve(plan.object);
    context.warn(
      `this object is managed by Git (application ${application}): the change will be reverted by the next sync`,
    );
    if (dryRun) return Promise.resolve(plan.object);
    const what = `${kind.kind} ${[current.metadata.namespace, current.metadata.name].filter(Boolean).join('/')}`;
    const about = { apiVersion: 'argoproj.io/v1alpha1', kind: 'Application', ...splitKey(application) };
    const said = { type: 'Warning', reason: 'ChangedOutsideGit' } as const;
    tell({
      ...said,
      about: current,
      message: `${user} changed what Git manages: the next sync of ${application} reverts it`,
    });
    tell({
      ...said,
      about: { ...about, namespace: about.namespace ?? '' },
      message: `${user} changed ${what}, which Git manages: the next sync reverts it`,
    });
    return Promise.resolve(plan.object);
  },
};
