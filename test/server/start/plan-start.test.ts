import { describe, expect, it } from 'vitest';
import { type FoundHistory, planStart as planStartOn } from '../../../src/server/start/plan-start.ts';

/** No agent can be there unless a test says so. */
const planStart = (
  found: Omit<FoundHistory, 'agentsMayExist'> & Partial<FoundHistory>,
  ...rest: [Parameters<typeof planStartOn>[1], string]
): ReturnType<typeof planStartOn> => planStartOn({ agentsMayExist: false, ...found }, ...rest);

const normal = { epoch: 'a', phase: 'normal' } as const;

describe('planStart', () => {
  it.each([
    ['creates on a first start', { state: undefined, version: '0' }, undefined, 'create'],
    ['uses the data it knows', { state: normal, version: '7' }, { epoch: 'a', version: '7' }, 'use'],
    [
      'uses newer data of the same history',
      { state: normal, version: '9' },
      { epoch: 'a', version: '7' },
      'use',
    ],
    ['uses the data of others when it remembers none', { state: normal, version: '9' }, undefined, 'use'],
    [
      'rebuilds an empty store that it knows nothing of when agents may run pods',
      { state: undefined, version: '0', agentsMayExist: true },
      undefined,
      'rebuild',
    ],
    [
      'rebuilds when the data is gone',
      { state: undefined, version: '0' },
      { epoch: 'a', version: '7' },
      'rebuild',
    ],
    [
      'rebuilds when the data is another',
      { state: normal, version: '9' },
      { epoch: 'b', version: '7' },
      'rebuild',
    ],
    [
      'rebuilds when the data is older',
      { state: normal, version: '6' },
      { epoch: 'a', version: '7' },
      'rebuild',
    ],
    [
      'finishes a rebuild that was interrupted',
      { state: { epoch: 'a', phase: 'rebuilding' as const }, version: '9' },
      { epoch: 'a', version: '7' },
      'rebuild',
    ],
  ])('%s', (_, found, remembered, action) => {
    expect(planStart(found, remembered, 'new').action).toBe(action);
  });

  it('keeps the epoch of a rebuild that was interrupted, and makes a new one otherwise', () => {
    const interrupted = planStart(
      { state: { epoch: 'a', phase: 'rebuilding' }, version: '1' },
      undefined,
      'new',
    );
    expect(interrupted.state).toEqual({ epoch: 'a', phase: 'rebuilding' });
    const lost = planStart({ state: undefined, version: '0' }, { epoch: 'a', version: '7' }, 'new');
    expect(lost.state).toEqual({ epoch: 'new', phase: 'rebuilding' });
  });

  it('compares versions as numbers, not as text', () => {
    expect(planStart({ state: normal, version: '10' }, { epoch: 'a', version: '9' }, 'new').action).toBe(
      'use',
    );
  });

  it('rebuilds when changes were seen to be missing, however new the data is', () => {
    const state = { epoch: 'e', phase: 'normal' } as const;
    const plan = planStart({ state, version: '9' }, { epoch: 'e', version: '0', lost: true }, 'new');
    expect(plan).toMatchObject({ action: 'rebuild', state: { epoch: 'new', phase: 'rebuilding' } });
  });
});
