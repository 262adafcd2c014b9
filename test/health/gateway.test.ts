import { describe, expect, it } from 'vitest';
import { assess } from '../../src/health/index.ts';

const condition = (type: string, status: string, message = '', observedGeneration = 2): object => ({
  type,
  status,
  message,
  observedGeneration,
});
const healthOf = (kind: string, status?: object): readonly string[] => {
  const { status: word, message } = assess({
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind,
    metadata: { name: 'a', namespace: 'b', generation: 2 },
    ...(status ? { status } : {}),
  });
  return [word, message];
};
const [accepted, programmed] = [condition('Accepted', 'True'), condition('Programmed', 'True')];

describe('the health of a Gateway', () => {
  it.each([
    [undefined, ['Progressing', 'Waiting for Gateway status']],
    [{ conditions: [condition('Accepted', 'False', 'no')] }, ['Degraded', 'no']],
    [{ conditions: [condition('ResolvedRefs', 'False')] }, ['Degraded', 'Failed condition: ResolvedRefs']],
    [{ conditions: [accepted, condition('Programmed', 'Unknown', 'soon')] }, ['Progressing', 'soon']],
    [{ conditions: [accepted, programmed] }, ['Healthy', '']],
    [
      {
        conditions: [accepted, programmed],
        listeners: [{ conditions: [condition('Accepted', 'False', 'no')] }],
      },
      ['Degraded', 'Listener: no'],
    ],
    [
      { conditions: [accepted, programmed], listeners: [{ conditions: [condition('Programmed', 'False')] }] },
      ['Progressing', 'Listener: Listener is still being programmed'],
    ],
  ])('with %j', (status, health) => {
    expect(healthOf('Gateway', status)).toEqual(health);
  });
});

describe.each(['HTTPRoute', 'GRPCRoute'])('the health of a %s', (kind) => {
  const parent = (...conditions: readonly object[]): object => ({
    parents: [{ parentRef: { name: 'public' }, conditions }],
  });
  it.each([
    [undefined, ['Progressing', `Waiting for ${kind} status`]],
    [{ parents: [] }, ['Progressing', `Waiting for ${kind} status`]],
    [
      parent(accepted, condition('ResolvedRefs', 'False', 'no Service')),
      ['Degraded', 'Parent public: no Service'],
    ],
    [parent(condition('Accepted', 'False', 'no', 1)), ['Progressing', `Waiting for ${kind} status`]],
    [parent(accepted), ['Healthy', '']],
  ])('with %j', (status, health) => {
    expect(healthOf(kind, status)).toEqual(health);
  });
});
