/**
 * Objects that Git manages may be changed and deleted. The caller is told that it will not last,
 * and is named where the drift is shown. The sync's own writes restore the object and remove the
 * name.
 */
import { managingApplication, SYNC_USER } from '../../diff/tracking.ts';
import { splitKey } from '../../schemas/object.ts';
import { isUndone, planGitManaged, withChangedBy } from './plan-git-managed.ts';
import type { AdmissionDependencies, AdmissionRule, Removal } from './types.ts';

export const gitManaged: AdmissionRule = {
  name: 'GitManaged',
  applies: ({ operation, subresource, current, internal, context }) =>
    operation === 'update' &&
    (subresource === undefined || subresource === 'scale') &&
    current !== undefined &&
    managingApplication(current) !== undefined &&
    (!internal || context.user.name === SYNC_USER),
  admit({ kind, object, current, context, internal }, { nowMs }) {
    if (internal || !current) return Promise.resolve(withChangedBy(object, undefined));
    return Promise.resolve(planGitManaged(kind.withDefaults(object), current, context.user.name, nowMs()));
  },
  done({ next, ...done }, { tell }) {
    const application = managingApplication(done.object);
    if (application === undefined || (next && !isUndone(next, done.object))) return;
    say(done, application, next ? CHANGED : DELETED, tell);
  },
};

interface Wording {
  readonly noun: string;
  readonly verb: string;
  readonly undone: string;
}

const CHANGED: Wording = { noun: 'change', verb: 'changed', undone: 'reverts it' };
const DELETED: Wording = { noun: 'deletion', verb: 'deleted', undone: 'makes it again' };

/** Tells the caller, and records events at the object and its application. */
function say(
  { kind, object, context, dryRun }: Removal,
  application: string,
  { noun, verb, undone }: Wording,
  tell: AdmissionDependencies['tell'],
): void {
  context.warn(
    `this object is managed by Git (application ${application}): the ${noun} will be reverted by the next sync`,
  );
  if (dryRun) return;
  const user = context.user.name;
  const said = { type: 'Warning', reason: 'ChangedOutsideGit' } as const;
  tell({
    ...said,
    about: object,
    message: `${user} ${verb} what Git manages: the next sync of ${application} ${undone}`,
  });
  const about = { apiVersion: 'argoproj.io/v1alpha1', kind: 'Application', ...splitKey(application) };
  const what = `${kind.kind} ${[object.metadata.namespace, object.metadata.name].filter(Boolean).join('/')}`;
  tell({
    ...said,
    about: { ...about, namespace: about.namespace ?? '' },
    message: `${user} ${verb} ${what}, which Git manages: the next sync ${undone}`,
  });
}
