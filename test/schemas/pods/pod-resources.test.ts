import { describe, expect, it } from 'vitest';
import {
  podLimits,
  podNonZeroRequests,
  podRequests,
  qosClass,
} from '../../../src/schemas/pods/pod-resources.ts';

type Amounts = Record<string, string | number>;
const container = (requests: Amounts, limits: Amounts = {}, restartPolicy?: string) => ({
  resources: { requests, limits },
  ...(restartPolicy ? { restartPolicy } : {}),
});
const requestsOf = (spec: unknown): object => Object.fromEntries(podRequests(spec));

describe('the requests of a pod', () => {
  it('are the sum of its containers', () => {
    const spec = { containers: [container({ cpu: '100m', memory: '1Ki' }), container({ cpu: 1 })] };
    expect(requestsOf(spec)).toEqual({ cpu: 1100, memory: 1024 });
  });

  it('are those of the largest init container where that is more', () => {
    const spec = {
      initContainers: [container({ cpu: '3' }), container({ cpu: '2', memory: '10' })],
      containers: [container({ cpu: '1', memory: '20' })],
    };
    expect(requestsOf(spec)).toEqual({ cpu: 3000, memory: 20 });
  });

  it('count sidecars with the containers and with the init containers that start after them', () => {
    const sidecar = container({ cpu: '1' }, {}, 'Always');
    const main = container({ cpu: '2' });
    expect(requestsOf({ initContainers: [sidecar], containers: [main] })).toEqual({ cpu: 3000 });
    expect(requestsOf({ initContainers: [sidecar, container({ cpu: '4' })], containers: [main] })).toEqual({
      cpu: 5000,
    });
    expect(requestsOf({ initContainers: [container({ cpu: '4' }), sidecar], containers: [main] })).toEqual({
      cpu: 4000,
    });
  });

  it('are replaced by those of the pod level and grow by the overhead', () => {
    const spec = {
      containers: [container({ cpu: '1', memory: '10', 'example.com/gpu': '1' })],
      resources: { requests: { cpu: '5' } },
      overhead: { cpu: '100m', memory: '5' },
    };
    expect(requestsOf(spec)).toEqual({ cpu: 5100, memory: 15, 'example.com/gpu': 1 });
  });

  it('take 100m and 200Mi for each container that does not say, where load is compared', () => {
    const spec = { containers: [container({}), container({ cpu: '1' })] };
    expect(podNonZeroRequests(spec)).toEqual({ cpuMillis: 1100, memoryBytes: 2 * 200 * 1024 * 1024 });
  });

  it('are nothing for what is no pod', () => {
    expect(requestsOf(null)).toEqual({});
    expect(requestsOf({ containers: [null, { resources: 7 }], overhead: 'x' })).toEqual({});
  });
});

describe('the limits of a pod', () => {
  it('get overhead only where there is a limit', () => {
    const spec = { containers: [container({}, { cpu: 1 })], overhead: { cpu: '1', memory: '1' } };
    expect(Object.fromEntries(podLimits(spec))).toEqual({ cpu: 2000 });
  });
});

describe('the quality of service', () => {
  it.each([
    ['BestEffort', [container({})]],
    ['BestEffort', [container({ 'example.com/gpu': '1' }, { 'example.com/gpu': '1' })]],
    ['Burstable', [container({ cpu: '1' })]],
    ['Burstable', [container({}, { cpu: '1', memory: '1' }), container({})]],
    ['Burstable', [container({ cpu: '500m' }, { cpu: '1', memory: '1' })]],
    ['Guaranteed', [container({}, { cpu: '1', memory: '1' })]],
    ['Guaranteed', [container({ cpu: '1000m' }, { cpu: '1', memory: '1' })]],
  ])('is %s', (expected, containers) => {
    expect(qosClass({ containers })).toBe(expected);
  });
});
