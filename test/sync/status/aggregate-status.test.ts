import { expect, it } from 'vitest';
import { aggregateStatuses } from '../../../src/sync/status/aggregate-status.ts';

const SHA = 'a'.repeat(40);
const note = '1 Service only stored (load balancers get no address yet)';
const status = (application: string, state: 'success' | 'failure', description: string) => ({
  application,
  sha: SHA,
  state,
  description,
});

it('says of several successes what is only stored, once', () => {
  const all = [
    status('api', 'success', `2 objects healthy; ${note}`),
    status('db', 'success', '1 object healthy'),
    status('web', 'success', `4 objects healthy; ${note}`),
  ];
  expect(aggregateStatuses(all).get(SHA)?.description).toBe(`3 applications healthy; ${note}`);
});

it('names the worst application, and keeps the end of its cause', () => {
  const cause = `deployment/web: container api cannot start: ${'x'.repeat(200)}: no such host`;
  const { description = '', state } =
    aggregateStatuses([status('db', 'success', 'fine'), status('web', 'failure', cause)]).get(SHA) ?? {};
  expect(state).toBe('failure');
  expect(description).toMatch(/^web: deployment\/web: .*: no such host$/);
  expect(description.length).toBe(140);
});
