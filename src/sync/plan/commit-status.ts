/** Where an Application's status says what its commit status is (or is to become). */
import type { Application } from '../../schemas/types.ts';
import type { CommitStatus } from '../status/plan-commit-status.ts';

export function commitStatusOf(application: Application): CommitStatus | undefined {
  const said = application.status?.['commitStatus'] as CommitStatus | undefined;
  return typeof said?.sha === 'string' ? said : undefined;
}
