import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonClone } from '../../src/base/json.ts';
import { type ChangeSetOptions, planChangeSet } from '../../src/diff/change-set.ts';
import { scaledIds } from '../../src/diff/autoscaled.ts';
import { type DesiredObject, createDesiredSet } from '../../src/diff/desired-set.ts';
import { mergeDesired } from '../../src/diff/merge.ts';
import { normaliseDesired } from '../../src/diff/normalise.ts';
import { renderDiff } from '../../src/diff/render-diff.ts';
import { type KubeObject, keyOf } from '../../src/schemas/object.ts';
import { builtinFormat, builtinRegistry } from '../../src/schemas/registry.ts';
import { resourceIdOf } from '../../src/schemas/resource-kind.ts';
import { prepareCreate, prepareUpdate } from '../../src/schemas/strategy/index.ts';

const options: ChangeSetOptions = {
  application: 'symphony-system/root',
  prune: true,
  allowEmpty: false,
  historyComplete: true,
  syncOptions: [],
  ignore: [],
};

const item = (object: KubeObject, origin = 'a.yaml:1'): DesiredObject => ({
  kind: builtinRegistry.byKind(object.apiVersion, object.kind)!,
  object,
  origin,
});
const configMap = (name: string, data: Record<string, string>, annotations = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default', annotations },
  data,
});
const deployment = (container: object, spec: object = {}): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    ...spec,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'web', image: 'web:1', ...container }] },
    },
  },
});

/** A cluster of a few objects, written by the real rules. */
function cluster() {
  const live = new Map<string, KubeObject>();
  let uid = 0;
  const plan = (desired: readonly DesiredObject[], extra: Partial<ChangeSetOptions> = {}) => {
    const inventory = [...live.values()].map((object) => ({ kind: item(object).kind, object }));
    const wanted = createDesiredSet(desired);
    return planChangeSet(wanted, (resource, key) => live.get(`${resource}|${key}`), inventory, {
      ...options,
      ...extra,
    });
  };
  const id = (object: KubeObject): string => `${resourceIdOf(item(object).kind)}|${keyOf(object)}`;
  return {
    live,
    plan,
    put: (object: KubeObject) => void live.set(id(object), object),
    get: (object: KubeObject) => live.get(id(object))!,
    apply(desired: readonly DesiredObject[], extra: Partial<ChangeSetOptions> = {}) {
      const changeSet = plan(desired, extra);
      for (const { action, kind, object, live: current } of changeSet.changes) {
        if (action === 'create')
          live.set(
            id(object),
            prepareCreate(kind, object, { nowMs: 0, uid: `uid-${(uid += 1)}`, nameSuffix: 'abcde' }),
          );
        else if (action === 'update')
          live.set(id(object), prepareUpdate(kind, current!, object, { nowMs: 0 }));
        else if (action === 'delete') live.delete(id(object));
      }
      return changeSet;
    },
  };
}
const actions = ({ changes }: { changes: readonly { action: string; key: string }[] }): readonly string[] =>
  changes.map(({ action, key }) => `${action} ${key}`);

describe('a change set', () => {
  it('is empty where the live object was stored without a default of a later version', () => {
    const at = cluster();
    const desired = [item(deployment({ readinessProbe: { httpGet: { path: '/', port: 80 } } }))];
    at.apply(desired);
    const older = jsonClone(at.get(desired[0]!.object)) as KubeObject & { spec: Record<string, unknown> };
    const { template } = older.spec as { template: { spec: { containers: Record<string, unknown>[] } } };
    delete older.spec['progressDeadlineSeconds'];
    delete template.spec.containers[0]?.['terminationMessagePolicy'];
    at.put(builtinFormat.read('deployments.apps', older, 1));
    expect(at.plan(desired).changes.filter(({ action }) => action !== 'noop')).toEqual([]);
    expect(actions(at.plan([item(deployment({ image: 'web:2' }))]))).toEqual(['update default/web']);
  });

  it('is empty after it was applied, defaults and all', () => {
    const at = cluster();
    const desired = [
      item(
        deployment({
          ports: [{ containerPort: 80 }],
          env: [{ name: 'A', value: '1' }],
          resources: { requests: { cpu: 0.5, memory: '1024Mi' } },
        }),
      ),
      item({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 's', namespace: 'default' },
        stringData: { a: 'b' },
      }),
      item({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'web', namespace: 'default' },
        spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
      }),
    ];
    at.apply(desired);
    expect(at.plan(desired).changes.every(({ action }) => action === 'noop')).toBe(true);
    expect(renderDiff({ ...at.plan(desired), changes: [] }, { color: false })).toBe('');
  });

  it('leaves the number of replicas to an autoscaler, from its creation on', () => {
    const at = cluster();
    const web = (image: string, annotations = {}) => {
      const object = deployment({ image }, { replicas: 2 });
      return item({ ...object, metadata: { ...object.metadata, annotations } });
    };
    const { object } = web('web:1');
    const target = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
    const autoscaler = (metadata: object = {}): KubeObject => ({
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'h', namespace: 'default', ...metadata },
      spec: { scaleTargetRef: target, maxReplicas: 9 },
    });
    const autoscaled = scaledIds([autoscaler()], builtinRegistry);
    const replicas = (): unknown => (at.get(object)['spec'] as { replicas: number }).replicas;
    at.apply([web('web:1')], { autoscaled });
    expect(replicas()).toBe(2);
    at.put({ ...at.get(object), spec: { ...(at.get(object)['spec'] as object), replicas: 7 } });
    expect(actions(at.plan([web('web:1')], { autoscaled }))).toEqual(['noop default/web']);
    at.apply([web('web:2')], { autoscaled });
    expect(replicas()).toBe(7);
    const replace = { 'argocd.argoproj.io/sync-options': 'Replace=true' };
    at.apply([web('web:3', replace)], { autoscaled });
    expect(replicas()).toBe(7);
    // Git's number again, once the autoscaler goes.
    const going = scaledIds([autoscaler({ deletionTimestamp: 'x' })], builtinRegistry);
    at.apply([web('web:3')], { autoscaled: going });
    expect(replicas()).toBe(2);
  });

  it('is about the target of an autoscaler only', () => {
    const named = (scaleTargetRef: object) => [
      ...scaledIds(
        [{ ...deployment({}), kind: 'HorizontalPodAutoscaler', spec: { scaleTargetRef } }],
        builtinRegistry,
      ),
    ];
    const name = 'web';
    expect(named({ apiVersion: 'apps/v9', kind: 'Deployment', name })).toEqual([
      'deployments.apps|default/web',
    ]);
    expect(named({ apiVersion: 'v1', kind: 'ReplicationController', name })).toEqual([
      'replicationcontrollers|default/web',
    ]);
    for (const other of [
      { apiVersion: 'v1', kind: 'ConfigMap', name },
      { apiVersion: 'x/v1', kind: 'Deployment', name },
      {},
    ])
      expect(named(other)).toEqual([]);
  });

  it('is empty whatever the agent reports, in whatever form', () => {
    const at = cluster();
    const pod: KubeObject = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p', namespace: 'default' },
      spec: { containers: [{ name: 'c', image: 'c:1' }] },
    };
    at.apply([item(pod)]);
    // Reported without what defaulting adds to a condition (lastProbeTime).
    at.put({ ...at.get(pod), status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } });
    expect(actions(at.plan([item(pod)]))).toEqual(['noop default/p']);
  });

  it('removes a field that Git set once and names no more, and keeps what others set', () => {
    const at = cluster();
    at.apply([
      item(
        deployment({
          env: [
            { name: 'A', value: '1' },
            { name: 'B', value: '2' },
          ],
          workingDir: '/x',
        }),
      ),
    ]);
    const live = jsonClone(at.get(deployment({}))) as never as {
      spec: { replicas: number; template: { spec: { containers: { env: object[] }[] } } };
      metadata: { labels?: object };
    };
    live.metadata.labels = { theirs: 'yes' };
    live.spec.replicas = 7;
    live.spec.template.spec.containers[0]!.env.push({ name: 'THEIRS', value: '3' });
    at.put(live as never);
    at.apply([item(deployment({ env: [{ name: 'A', value: 'new' }] }))]);
    const next = at.get(deployment({})) as never as typeof live;
    expect(next.spec.template.spec.containers[0]).toMatchObject({
      env: [
        { name: 'A', value: 'new' },
        { name: 'THEIRS', value: '3' },
      ],
    });
    expect(next.spec.template.spec.containers[0]).not.toHaveProperty('workingDir');
    expect(next.spec.replicas).toBe(7);
    expect(next.metadata.labels).toEqual({ theirs: 'yes' });
  });

  it('hands replicas over when Git stops naming them, and heals them while it does', () => {
    const at = cluster();
    at.apply([item(deployment({}, { replicas: 3 }))]);
    const scaled = {
      ...at.get(deployment({})),
      spec: { ...(at.get(deployment({}))['spec'] as object), replicas: 9 },
    } as KubeObject;
    at.put(scaled);
    expect(actions(at.plan([item(deployment({}, { replicas: 3 }))]))).toEqual(['update default/web']);
    at.apply([item(deployment({}))]);
    expect(at.get(deployment({}))['spec']).toMatchObject({ replicas: 9 });
  });

  it('goes from RollingUpdate to Recreate', () => {
    const at = cluster();
    at.apply([item(deployment({}, { strategy: { type: 'RollingUpdate' } }))]);
    at.apply([item(deployment({}, { strategy: { type: 'Recreate' } }))]);
    expect((at.get(deployment({}))['spec'] as { strategy: object }).strategy).toEqual({ type: 'Recreate' });
  });

  it('deletes only what the application manages', () => {
    const at = cluster();
    at.apply([item(configMap('mine', {})), item(configMap('kept', {}))]);
    at.put(configMap('foreign', {}));
    const copy = {
      ...at.get(configMap('mine', {})),
      metadata: { ...at.get(configMap('mine', {})).metadata, name: 'copy' },
    };
    at.put(copy);
    expect(actions(at.plan([item(configMap('kept', {}))]))).toEqual([
      'noop default/kept',
      'delete default/mine',
    ]);
  });

  it.each([
    [{ prune: false }, 'off'],
    [{ historyComplete: false }, 'rebuilding'],
    [{ maxDeletions: 0.6 }, 'budget'],
  ] as const)('holds deletions with %j', (extra, reason) => {
    const at = cluster();
    at.apply([item(configMap('a', {})), item(configMap('b', {}))]);
    const changeSet = at.plan([item(configMap('a', {}))], extra);
    expect(actions(changeSet)).toEqual(['noop default/a']);
    expect(changeSet.held).toMatchObject([{ key: 'default/b', reason }]);
  });

  it('deletes nothing for an empty render, unless that is allowed', () => {
    const at = cluster();
    at.apply([item(configMap('a', {}))]);
    expect(at.plan([]).held).toMatchObject([{ reason: 'empty' }]);
    expect(actions(at.plan([], { allowEmpty: true }))).toEqual(['delete default/a']);
  });

  it('honours Prune=false on the object', () => {
    const at = cluster();
    at.apply([
      item(configMap('a', {}, { 'argocd.argoproj.io/sync-options': 'Prune=false' })),
      item(configMap('b', {})),
    ]);
    expect(actions(at.plan([item(configMap('b', {}))]))).toEqual(['noop default/b']);
  });

  it('orders by wave, kind and name', () => {
    const wave = (n: string): object => ({ 'argocd.argoproj.io/sync-wave': n });
    const desired = [
      item(deployment({})),
      item(configMap('late', {}, wave('5'))),
      item(configMap('b', {})),
      item(configMap('first', {}, wave('-1'))),
      item(configMap('a', {})),
      item({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'x' } }),
    ];
    expect(
      cluster()
        .plan(desired)
        .changes.map(({ key }) => key),
    ).toEqual(['default/first', 'x', 'default/a', 'default/b', 'default/web', 'default/late']);
  });

  it('reports two files for one object, and leaves the objects of other applications alone', () => {
    const at = cluster();
    at.apply([item(configMap('a', { x: '1' }))]);
    const other = at.plan([item(configMap('a', { x: '2' }))], { application: 'symphony-system/other' });
    expect(other.changes).toEqual([]);
    expect(other.problems).toMatchObject([{ code: 'shared-resource' }]);
    const twice = at.plan([item(configMap('a', {}), 'one.yaml:1'), item(configMap('a', {}), 'two.yaml:1')]);
    expect(twice.problems).toMatchObject([
      { code: 'duplicate', message: expect.stringContaining('one.yaml:1') },
    ]);
  });

  it('leaves ignored differences to the live object', () => {
    const at = cluster();
    at.apply([item(configMap('a', { x: '1', y: '1' }))]);
    at.put({ ...at.get(configMap('a', {})), data: { x: 'theirs', y: '1' } });
    const ignore = [{ kind: 'ConfigMap', jsonPointers: ['/data/x'] }];
    expect(actions(at.plan([item(configMap('a', { x: '1', y: '1' }))], { ignore }))).toEqual([
      'noop default/a',
    ]);
  });
});

describe('the rendered diff', () => {
  it('shows fields, and no value of a Secret', () => {
    const at = cluster();
    const secret = (value: string): KubeObject => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's', namespace: 'default' },
      stringData: { key: value },
    });
    at.apply([item(secret('c4nary-one')), item(deployment({}, { replicas: 3 }))]);
    const text = renderDiff(
      at.plan([item(secret('c4nary-two')), item(deployment({ image: 'web:2' }, { replicas: 5 }))]),
      { color: false },
    );
    expect(text).toContain(
      '~ Deployment default/web  (a.yaml:1)\n    ~ spec.replicas: 3 -> 5\n    ~ spec.template.spec.containers[web].image: web:1 -> web:2',
    );
    expect(text).toContain('data.key: "(sensitive)" -> "(sensitive)"');
    for (const value of ['c4nary-one', 'c4nary-two'])
      expect(text).not.toContain(Buffer.from(value).toString('base64'));
    expect(JSON.stringify(at.get(secret(''))).includes('c4nary')).toBe(false);
  });

  it('sends no escape sequence of a manifest to the terminal', () => {
    // An escape, an order of direction, an isolate and a mark, each of which a terminal obeys.
    const manifest = configMap('a', { key: '\u001b[2J\u202e\u2066\u200f' });
    const text = renderDiff(cluster().plan([item(manifest, 'x\u001b[2J\u2067.yaml')]), { color: false });
    expect(text).not.toMatch(/[^\P{Cc}\n]|\p{Cf}/u);
  });
});

describe('the three-way merge', () => {
  const data = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom('1', '2', '3'));

  it('is stable, heals every applied field and keeps every other', () => {
    fc.assert(
      fc.property(data, data, data, (first, second, theirs) => {
        const at = cluster();
        at.apply([item(configMap('x', first))]);
        const drifted = { ...at.get(configMap('x', {})), data: { ...first, ...theirs } };
        at.put(drifted);
        at.apply([item(configMap('x', second))]);
        const live = (at.get(configMap('x', {}))['data'] ?? {}) as Record<string, string>;
        const kept = Object.entries(theirs).filter(([key]) => !(key in first));
        expect(live).toEqual({ ...Object.fromEntries(kept), ...second });
        expect(actions(at.plan([item(configMap('x', second))]))).toEqual(['noop default/x']);
        const desired = normaliseDesired(configMap('x', second));
        const once = mergeDesired(at.get(configMap('x', {})), desired, options.application);
        expect(mergeDesired(once, desired, options.application)).toEqual(once);
      }),
    );
  });
});
