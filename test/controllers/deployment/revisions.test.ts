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
    const next = (revision: bigint): Record<string, string> =>
      newReplicaSetAnnotations(aDeployment(), { [REVISION]: '3546343826724305832' }, revision);
    expect(next(3546343826724305832n)).toEqual({ [REVISION]: '3546343826724305832' });
    expect(next(3546343826724305833n)).toEqual({
      [REVISION]: '3546343826724305833',
      [REVISION_HISTORY]: '3546343826724305832',
    });
  });
});
