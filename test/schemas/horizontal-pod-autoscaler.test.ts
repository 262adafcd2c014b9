/** The two versions of HorizontalPodAutoscaler: one stored form, nothing lost on the way. */
import { describe, expect, it } from 'vitest';
import { jsonClone } from '../../src/base/json.ts';
import { toV1, toV2 } from '../../src/schemas/kinds/horizontal-pod-autoscaler/convert-v1.ts';
import { horizontalPodAutoscalerV1Kind } from '../../src/schemas/kinds/horizontal-pod-autoscaler/kind-v1.ts';
import { horizontalPodAutoscalerKind } from '../../src/schemas/kinds/horizontal-pod-autoscaler/kind.ts';
import { asRecord } from '../../src/schemas/json-access.ts';
import type { KubeObject } from '../../src/schemas/object.ts';
import { prepareCreate, prepareUpdate } from '../../src/schemas/strategy/index.ts';
import { deepFreeze } from '../support/deep-freeze.ts';

const TARGET = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
const PREFIX = 'autoscaling.alpha.kubernetes.io/';
const queue = { name: 'queue', selector: { matchLabels: { team: 'a' } } };
const service = { apiVersion: 'v1', kind: 'Service', name: 's' };

const cpu = (percent: number): object => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: percent } },
});
const METRICS: readonly object[] = [
  cpu(60),
  { type: 'Resource', resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '1Gi' } } },
  {
    type: 'ContainerResource',
    containerResource: {
      name: 'cpu',
      target: { type: 'Utilization', averageUtilization: 70 },
      container: 'main',
    },
  },
  { type: 'Pods', pods: { metric: { name: 'hits' }, target: { type: 'AverageValue', averageValue: '10' } } },
  {
    type: 'Object',
    object: { describedObject: service, metric: queue, target: { type: 'Value', value: '2k' } },
  },
  {
    type: 'Object',
    object: {
      describedObject: service,
      metric: { name: 'm' },
      target: { type: 'AverageValue', averageValue: '5' },
    },
  },
  { type: 'External', external: { metric: queue, target: { type: 'Value', value: '30' } } },
  { type: 'External', external: { metric: queue, target: { type: 'AverageValue', averageValue: '30' } } },
];
const BEHAVIOR = {
  scaleUp: {
    stabilizationWindowSeconds: 0,
    selectPolicy: 'Max',
    policies: [{ type: 'Pods', value: 4, periodSeconds: 15 }],
    tolerance: '50m',
  },
  scaleDown: { selectPolicy: 'Disabled', policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] },
};
const CONDITION = {
  type: 'AbleToScale',
  status: 'True',
  lastTransitionTime: '2026-01-01T00:00:00Z',
  reason: 'ReadyForNewScale',
  message: 'recommended size matches current size',
};
const STATUS = {
  currentReplicas: 2,
  desiredReplicas: 3,
  currentMetrics: [
    { type: 'Resource', resource: { name: 'cpu', current: { averageValue: '30m', averageUtilization: 60 } } },
    { type: 'External', external: { metric: queue, current: { averageValue: '7' } } },
    { type: 'Object', object: { describedObject: service, metric: queue, current: { value: '9' } } },
    { type: '' },
  ],
  conditions: [CONDITION],
};
const autoscaler = (spec: object = {}, status?: object, metadata: object = {}): KubeObject =>
  deepFreeze({
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'h', namespace: 'ns', ...metadata },
    spec: { scaleTargetRef: TARGET, minReplicas: 1, maxReplicas: 5, metrics: METRICS, ...spec },
    ...(status ? { status } : {}),
  });
const context = { nowMs: 0, uid: 'u', nameSuffix: 'abcde' };
const annotationsOf = ({ metadata }: KubeObject): Readonly<Record<string, string>> =>
  metadata.annotations ?? {};

describe('a HorizontalPodAutoscaler of v2', () => {
  it('comes back from v1 as it was', () => {
    const whole = autoscaler({ behavior: BEHAVIOR }, STATUS, { annotations: { mine: 'x' } });
    expect(toV2(toV1(whole))).toEqual(whole);
  });

  it('has in v1 the fields that v1 has, and the rest in its annotations', () => {
    const old = toV1(autoscaler({ behavior: BEHAVIOR, metrics: METRICS.slice(0, 2) }, STATUS));
    expect(old).toMatchObject({
      apiVersion: 'autoscaling/v1',
      spec: { scaleTargetRef: TARGET, minReplicas: 1, maxReplicas: 5, targetCPUUtilizationPercentage: 60 },
      status: { currentReplicas: 2, desiredReplicas: 3, currentCPUUtilizationPercentage: 60 },
    });
    expect(Object.keys(asRecord(old['spec']))).not.toContain('metrics');
    expect(annotationsOf(old)).toEqual({
      [`${PREFIX}metrics`]: '[{"type":"Resource","resource":{"name":"memory","targetAverageValue":"1Gi"}}]',
      [`${PREFIX}behavior`]:
        '{"ScaleUp":{"StabilizationWindowSeconds":0,"SelectPolicy":"Max","Policies":[{"Type":"Pods","Value":4,"PeriodSeconds":15}],"Tolerance":"50m"},"ScaleDown":{"StabilizationWindowSeconds":null,"SelectPolicy":"Disabled","Policies":[{"Type":"Percent","Value":100,"PeriodSeconds":15}],"Tolerance":null}}',
      [`${PREFIX}current-metrics`]: expect.stringContaining('"currentAverageUtilization":60') as string,
      [`${PREFIX}conditions`]: JSON.stringify([CONDITION]),
    });
  });

  it('never shows annotations of a round trip that somebody wrote into it', () => {
    const forged = { [`${PREFIX}conditions`]: '[]', [`${PREFIX}metrics`]: '[1]' };
    expect(
      annotationsOf(toV1(autoscaler({ metrics: [cpu(60)] }, undefined, { annotations: forged }))),
    ).toEqual({});
  });

  it('refuses an empty list of policies, and fills in an absent one', () => {
    const filled = horizontalPodAutoscalerKind.withDefaults(autoscaler({ behavior: { scaleUp: {} } }));
    expect(horizontalPodAutoscalerKind.validate(filled)).toEqual([]);
    const empty = horizontalPodAutoscalerKind.withDefaults(
      autoscaler({ behavior: { scaleUp: { policies: [] } } }),
    );
    expect(horizontalPodAutoscalerKind.validate(empty)).toMatchObject([
      { type: 'FieldValueRequired', path: 'spec.behavior.scaleUp.policies' },
    ]);
  });

  it('may name a ReplicationController, and keep a target whose version was bad before', () => {
    const check = (apiVersion: string, kind: string, current?: KubeObject) =>
      horizontalPodAutoscalerKind
        .validate(autoscaler({ scaleTargetRef: { apiVersion, kind, name: 'x' } }), current)
        .map(({ path }) => path);
    expect(check('v1', 'ReplicationController')).toEqual([]);
    expect(check('v1', 'Pod')).toEqual(['spec.scaleTargetRef.apiVersion']);
    const bad = autoscaler({ scaleTargetRef: { apiVersion: 'a/b/c', kind: 'X', name: 'x' } });
    expect(check('a/b/c', 'X', bad)).toEqual([]);
    expect(check('a/b/c', 'Y', bad)).toEqual(['spec.scaleTargetRef.apiVersion']);
  });

  it('says of each metric what is missing and what is too much', () => {
    const [, , container, hits] = METRICS as readonly Record<string, unknown>[];
    const check = (...metrics: readonly object[]) =>
      horizontalPodAutoscalerKind
        .validate(autoscaler({ metrics }))
        .map(({ path, detail }) => `${path} ${detail}`);
    expect(check({ ...hits, ...container, type: 'Pods' })).toEqual([
      'spec.metrics[0].containerResource must populate the given metric source only',
    ]);
    expect(check({ type: 'toString' })).toHaveLength(2);
    const target = { type: 'Value', value: '0' };
    expect(check({ type: 'External', external: { metric: { name: '' }, target } })).toEqual([
      'spec.metrics[0].external.metric.name must specify a metric name',
      'spec.metrics[0].external.target.value must be positive',
    ]);
  });
});

describe('a HorizontalPodAutoscaler of v1', () => {
  const v1 = (annotations: object = {}, spec: object = {}, status?: object): KubeObject => ({
    apiVersion: 'autoscaling/v1',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'h', namespace: 'ns', annotations: { ...annotations } },
    spec: { scaleTargetRef: TARGET, maxReplicas: 5, ...spec },
    ...(status ? { status } : {}),
  });

  it('aims at 80 % of the processor unless its annotations say something else', () => {
    const targetOf = (object: KubeObject): unknown =>
      asRecord(horizontalPodAutoscalerV1Kind.withDefaults(object)['spec'])['targetCPUUtilizationPercentage'];
    expect(targetOf(v1())).toBe(80);
    const memory = '[{"type":"Resource","resource":{"name":"memory","targetAverageValue":"1Gi"}}]';
    expect(targetOf(v1({ [`${PREFIX}metrics`]: memory }))).toBeUndefined();
    expect(targetOf(v1({ [`${PREFIX}metrics`]: '{broken' }))).toBe(80);
  });

  it('takes behavior from its annotation, however its names are written', () => {
    const behavior =
      '{"scaleup":{"selectPolicy":"Min","POLICIES":[{"type":"Pods","value":1,"periodSeconds":9}]}}';
    expect(asRecord(toV2(v1({ [`${PREFIX}behavior`]: behavior }))['spec'])['behavior']).toEqual({
      scaleUp: { selectPolicy: 'Min', policies: [{ type: 'Pods', value: 1, periodSeconds: 9 }] },
    });
    for (const broken of ['7', '[]', 'null', '{}', '{', '{"ScaleUp":7}'])
      expect(() => toV2(v1({ [`${PREFIX}behavior`]: broken }))).not.toThrow();
  });

  it('cannot write a status through annotations', () => {
    const forged = { [`${PREFIX}conditions`]: JSON.stringify([{ ...CONDITION, status: 'False' }]) };
    const made = prepareCreate(horizontalPodAutoscalerV1Kind, v1(forged), context);
    expect(asRecord(toV2(made)['status'])).toEqual({ desiredReplicas: 0, currentMetrics: null });
    const live = toV1(autoscaler({}, STATUS, { uid: 'u' }));
    const next = jsonClone(live);
    next.metadata.annotations = { ...forged };
    const updated = prepareUpdate(horizontalPodAutoscalerV1Kind, live, next, context);
    expect(toV2(updated)['status']).toEqual(STATUS);
  });

  it('is validated as what is stored', () => {
    const object = horizontalPodAutoscalerV1Kind.withDefaults(v1({}, { targetCPUUtilizationPercentage: 0 }));
    expect(horizontalPodAutoscalerV1Kind.validate(object)).toMatchObject([
      { path: 'spec.metrics[0].resource.target.averageUtilization' },
    ]);
  });
});

describe('the table of autoscalers', () => {
  it('shows two metrics and counts the rest, for both versions', () => {
    const whole = autoscaler({}, STATUS, { creationTimestamp: '1970-01-01T00:00:00Z' });
    const cells = [
      'h',
      'Deployment/web',
      'cpu: 60%/60%, memory: <unknown>/1Gi + 6 more...',
      '1',
      5,
      2,
      '60s',
    ];
    expect(horizontalPodAutoscalerKind.table?.cells(whole, 60_000)).toEqual(cells);
    expect(horizontalPodAutoscalerV1Kind.table?.cells(toV1(whole), 60_000)).toEqual(cells);
  });

  it.each([
    [3, '<unknown>/10'],
    [4, '<unknown>/2k'],
    [5, '<unknown>/5 (avg)'],
    [7, '<unknown>/30 (avg)'],
    [2, 'cpu: <unknown>/70%'],
  ])('shows metric %i', (index, text) => {
    const object = autoscaler({ metrics: [METRICS[index]] });
    expect(horizontalPodAutoscalerKind.table?.cells(object, 0)[2]).toBe(text);
  });

  it('shows a number that was measured', () => {
    const object = autoscaler(
      { metrics: [METRICS[6], METRICS[4]] },
      {
        currentMetrics: [{ external: { current: { value: '12' } } }, { object: { current: { value: '3' } } }],
      },
    );
    expect(horizontalPodAutoscalerKind.table?.cells(object, 0)[2]).toBe('12/30, 3/2k');
  });
});
