import { describe, expect, it } from 'vitest';
import {
  byRevision,
  newReplicaSetAnnotations,
  REVISION,
  REVISION_HISTORY,
  revisionAfter,
} from '../../../src/controllers/deployment/revisions.ts';
import { aDeployment, aReplicaSet } from '../../support/builders.ts';

const withRevision = (revision: string): ReturnType<typeof aReplicaSet> =>
  aReplicaSet({ name: `web-${revision}`, annotations: { [REVISION]: revision } });

describe('revisions', () => {
  it('follow the largest, to the last digit of an int64', () => {
    const sets = [withRevision('7'), withRevision('3546343826724305832'), withRevision('none')];
    expect(revisionAfter(sets)).toBe(3546343826724305833n);
    expect(revisionAfter([])).toBe(1n);
    expect([...sets].sort(byRevision).map(({ metadata }) => metadata.name)).toEqual([
      'web-none',
      'web-7',
      'web-3546343826724305832',
    ]);
  });

  it('grow only, and leave their history behind', () => {
    const aged = withRevision('3546343826724305832');
    const next = (revision: bigint): Record<string, string> =>
      newReplicaSetAnnotations(aDeployment(), aged, revision);
    expect(next(3546343826724305832n)).toEqual({ [REVISION]: '3546343826724305832' });
    expect(next(3546343826724305833n)).toEqual({
      [REVISION]: '3546343826724305833',
      [REVISION_HISTORY]: '3546343826724305832',
    });
  });

  it('leave a ReplicaSet that lies in Git its own marks, and give others those of the Deployment', () => {
    const marks = {
      'argocd.argoproj.io/tracking-id': 'a_b:apps/Deployment:default/web',
      'symphony.dev/applied-fields': '{"spec":{"replicas":0}}',
      note: 'x',
    };
    const annotations = { ...marks, 'symphony.dev/changed-by': '2026-01-01T00:00:00Z alice' };
    const copied = (replicaSet: ReturnType<typeof aReplicaSet>): Record<string, string> =>
      newReplicaSetAnnotations(aDeployment({ annotations }), replicaSet, 0n);
    expect(copied(aReplicaSet())).toEqual(marks);
    const own = {
      'argocd.argoproj.io/tracking-id': 'a_b:apps/ReplicaSet:default/web',
      'symphony.dev/applied-fields': '{}',
    };
    expect(copied(aReplicaSet({ annotations: own }))).toEqual({ ...own, note: 'x' });
  });
});
