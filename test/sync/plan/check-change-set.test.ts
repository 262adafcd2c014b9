/**
 * Steps against the invariants: those of the planner keep all of them, and each rule refuses its
 * own.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Change, planChangeSet } from '../../../src/diff/change-set.ts';
import { createDesiredSet, desiredId, idOf } from '../../../src/diff/desired-set.ts';
import { marked } from '../../../src/diff/merge.ts';
import { builtinRegistry } from '../../../src/schemas/registry.ts';
import { type KubeObject, keyOf } from '../../../src/schemas/object.ts';
import { createApplicationCache } from '../../../src/sync/cache/application-cache.ts';
import { type EndView, checkChangeSet, checkEnd } from '../../../src/sync/plan/check-change-set.ts';
import { planAttempt } from '../../../src/sync/plan/plan-attempt.ts';
import { unapprovedDeletions } from '../../../src/sync/plan/plan-brake.ts';
import { planReconcile } from '../../../src/sync/plan/plan-reconcile.ts';
import { rootApplication } from '../../../src/sync/root-application.ts';
import type { ComparedView, ObjectsView, WritePlan } from '../../../src/sync/types.ts';

const KEY = 'symphony-system/root';
const REVISION = 'a'.repeat(40);
const WAVE = 'argocd.argoproj.io/sync-wave';
const kind = builtinRegistry.byKind('v1', 'ConfigMap')!;

const aConfigMap = (name: string, wave = 0, value = '1'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default', annotations: { [WAVE]: String(wave) } },
  data: { x: value },
});
const aLive = (object: KubeObject): KubeObject => {
  const { metadata, ...rest } = marked(object, KEY);
  return { ...rest, metadata: { ...metadata, uid: `uid-${metadata.name}`, resourceVersion: '7' } };
};

interface World {
  readonly desired: readonly KubeObject[];
  readonly live: readonly KubeObject[];
  readonly unhealthy?: readonly string[];
  readonly prune?: boolean;
  readonly isBraked?: boolean;
}

/** The view that a world gives, with a comparison by the real planChangeSet. */
function viewOf(world: World): ComparedView {
  const root = rootApplication({ repoURL: 'https://git.example/shop.git' });
  const application = {
    ...root,
    spec: { ...root.spec, syncPolicy: { automated: { prune: world.prune ?? true, selfHeal: true } } },
  };
  const { source } = application.spec;
  const cache = { ...createApplicationCache('', 0), desired: createDesiredSet(), revision: REVISION };
  cache.render = { warnings: new Map() } as never;
  for (const object of world.desired) cache.desired.add({ kind, object, origin: 'a.yaml:1' });
  for (const name of world.unhealthy ?? [])
    cache.unhealthy.set(idOf(kind, `default/${name}`), { status: 'Progressing', message: '' });
  const brake = { objects: world.live.length, deleted: 0 };
  const baseline = {
    revision: REVISION,
    source: { repoURL: source!.repoURL, path: '', directory: { recurse: true } },
    ...(world.isBraked ? { brake } : {}),
  };
  const byKey = new Map(world.live.map((object) => [keyOf(object), object]));
  const attempt = planAttempt(application, undefined, REVISION);
  const inventory = world.live.map((object) => ({ kind, object }));
  const changeSet = planChangeSet(cache.desired, (_resource, key) => byKey.get(key), inventory, {
    application: KEY,
    prune: attempt.policy.prune,
    allowEmpty: false,
    historyComplete: true,
    syncOptions: [],
    ignore: [],
    ...(world.isBraked ? { maxDeletions: unapprovedDeletions(baseline) } : {}),
  });
  const objects: ObjectsView = {
    attempt,
    changeSet,
    open: changeSet.changes,
    fights: new Map(),
    claims: { takeOver: new Set(), claimed: new Map(), waitingFor: [] },
    isBraked: world.isBraked ?? false,
    historyComplete: true,
    denied: [],
    hooks: undefined,
    namespaceKind: builtinRegistry.byKind('v1', 'Namespace'),
    namespaces: new Set(['default']),
    unserved: new Set(),
    uncounted: [],
    foreseen: [],
  };
  return {
    application,
    key: KEY,
    source: source!,
    nowMs: 0,
    known: cache,
    progress: {
      hasFetched: true,
      obstacle: undefined,
      git: undefined,
      attempt,
      historyComplete: true,
      denied: [],
      refused: new Map(),
      steps: 0,
    },
    operation: undefined,
    baseline,
    git: {
      revision: REVISION,
      moved: undefined,
      brake: world.isBraked ? 'history was rewritten' : undefined,
      brakeRecord: undefined,
    },
    rendering: { is: 'current' },
    objects,
  };
}

const write = (...step: readonly Change[]): WritePlan => ({ do: 'write', step, first: undefined });

it('a step that the planner makes keeps every invariant', () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f'] as const;
  const some = fc.uniqueArray(fc.constantFrom(...names));
  const waves = fc.record(Object.fromEntries(names.map((name) => [name, fc.integer({ min: -1, max: 2 })])));
  let [writes, deletions] = [0, 0];
  fc.assert(
    fc.property(
      some,
      some,
      some,
      waves,
      fc.boolean(),
      fc.boolean(),
      (git, there, sick, wave, prune, isBraked) => {
        const view = viewOf({
          desired: git.map((name) => aConfigMap(name, wave[name])),
          live: there.map((name) => aLive(aConfigMap(name, wave[name], name < 'c' ? '1' : 'old'))),
          unhealthy: sick,
          prune,
          isBraked,
        });
        const plan = planReconcile(view);
        if (plan.do !== 'write') return;
        writes += 1;
        deletions += plan.step.filter(({ action }) => action === 'delete').length;
        expect(checkChangeSet(plan, view)).toEqual([]);
      },
    ),
    { numRuns: 500, seed: 1 },
  );
  expect(writes).toBeGreaterThan(50);
  expect(deletions).toBeGreaterThan(20);
});

const gone = aLive(aConfigMap('gone'));
const deletion: Change = {
  ...{ action: 'delete', kind, key: 'default/gone', wave: 0 },
  ...{ object: gone, live: gone, origin: undefined },
};

describe('a step is refused', () => {
  const world: World = { desired: [aConfigMap('a')], live: [gone] };
  const withObjects = (view: ComparedView, objects: Partial<ObjectsView>): ComparedView => ({
    ...view,
    objects: { ...view.objects, ...objects },
  });
  const view = viewOf(world);
  const create = view.objects.open.find(({ action }) => action === 'create')!;
  const id = idOf(kind, deletion.key);
  const { metadata } = gone;
  const unseen = { ...gone, metadata: { ...metadata, resourceVersion: undefined } } as unknown as KubeObject;

  it('not for a deletion in order', () => {
    expect(checkChangeSet(write(deletion), view)).toEqual([]);
  });

  it.each<readonly [string, string, WritePlan, ComparedView]>([
    [
      'that deletes after a failed render',
      '6',
      write(deletion),
      { ...view, rendering: { is: 'due' } as never },
    ],
    [
      'that deletes while history is lost',
      '6',
      write(deletion),
      withObjects(view, { historyComplete: false }),
    ],
    ['that deletes before a baseline is recorded', '6', write(deletion), { ...view, baseline: undefined }],
    ['that deletes after an empty render', '6', write(deletion), viewOf({ ...world, desired: [] })],
    ['that deletes without being asked', '6', write(deletion), viewOf({ ...world, prune: false })],
    ['that deletes what Git holds', '6', write({ ...deletion, key: 'default/a' }), view],
    ['that deletes without an observation', '6', write({ ...deletion, live: undefined }), view],
    ['that deletes an object of unknown version', '6', write({ ...deletion, live: unseen }), view],
    [
      'that deletes what another application holds',
      '6',
      write(deletion),
      withObjects(view, { claims: { claimed: new Map([[id, 'x/y']]), waitingFor: [] } }),
    ],
    [
      'that deletes the object of another manager',
      '6',
      write({ ...deletion, object: marked(aConfigMap('gone'), 'x/y') }),
      view,
    ],
    ['that deletes more than the brake lets go', '6', write(deletion), viewOf({ ...world, isBraked: true })],
    ['of another revision', '7', write(create), { ...view, git: { ...view.git, revision: 'b'.repeat(40) } }],
    [
      'outside of the namespace of the Application',
      '13',
      write(create),
      { ...view, application: { ...view.application, metadata: { name: 'root', namespace: 'team' } } },
    ],
    [
      'that takes the object of another application',
      '13',
      write({ ...create, action: 'update', live: marked(aConfigMap('a'), 'x/y') }),
      view,
    ],
    [
      'before a lower wave',
      '17',
      write({ ...create, wave: 5 }),
      withObjects(view, { open: [create, { ...create, wave: 5 }] }),
    ],
    [
      'before a lower wave is healthy',
      '17',
      write({ ...create, wave: 5 }),
      viewOf({ ...world, desired: [aConfigMap('a')], unhealthy: ['a'] }),
    ],
    ['that deletes last, before the writes', '17', write({ ...deletion, last: true }), view],
    [
      'with a hook of no running operation',
      '17',
      write({
        ...create,
        key: 'default/hook',
        object: {
          ...create.object,
          metadata: {
            name: 'hook',
            namespace: 'default',
            annotations: { 'argocd.argoproj.io/hook': 'Sync' },
          },
        },
      }),
      view,
    ],
  ])('%s', (_what, invariant, plan, seen) => {
    expect(checkChangeSet(plan, seen).join()).toContain(`invariant ${invariant}: `);
  });
});

it('names the change and the rule', () => {
  const view = viewOf({ desired: [aConfigMap('a')], live: [] });
  const item = view.known.desired.byId.get(desiredId({ kind, object: aConfigMap('a'), origin: '' }))!;
  const change = { action: 'delete', key: 'default/a', wave: 0, live: undefined, ...item } as Change;
  expect(checkChangeSet(write(change), view)[0]).toBe(
    'invariant 6: the delete of ConfigMap "default/a" is of an object that was not observed',
  );
});

describe('the end of an Application', () => {
  const end = (more: Partial<EndView> = {}): EndView => ({
    application: rootApplication({ repoURL: 'https://git.example/shop.git' }),
    key: KEY,
    claims: { claimed: new Map(), waitingFor: [] },
    historyComplete: true,
    ...more,
  });
  const team = { ...end().application, metadata: { name: 'root', namespace: 'team' } };

  it.each<readonly [string, string, Change, EndView]>([
    ['in order', '', deletion, end()],
    ['while history is lost', 'invariant 6', deletion, end({ historyComplete: false })],
    ['without an observation', 'invariant 6', { ...deletion, live: undefined }, end()],
    ['of an object of another manager', 'invariant 6', deletion, end({ key: 'x/y' })],
    [
      'of an object that another application holds',
      'invariant 6',
      deletion,
      end({ claims: { claimed: new Map([[idOf(kind, deletion.key), 'x/y']]), waitingFor: [] } }),
    ],
    ['outside of its namespace', 'invariant 13', deletion, end({ application: team })],
  ])('checks a deletion %s', (_what, invariant, change, view) => {
    const violations = checkEnd([change], view).map((text) => text.split(':')[0]);
    expect(violations).toEqual(invariant === '' ? [] : [invariant]);
  });
});

it('a large step costs one look at the unhealthy objects for each wave, not for each object', () => {
  const desired = Array.from({ length: 300 }, (_, index) => aConfigMap(`m${index}`, index % 2));
  const view = viewOf({ desired, live: [], unhealthy: desired.map(({ metadata }) => metadata.name) });
  let looks = 0;
  const unhealthy = new Map(view.known.unhealthy);
  unhealthy[Symbol.iterator] = () => {
    looks += 1;
    return unhealthy.entries();
  };
  const step = view.objects.open;
  checkChangeSet(write(...step), { ...view, known: { ...view.known, unhealthy } });
  expect(looks).toBe(2);
});
