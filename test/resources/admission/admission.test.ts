import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeFields, fieldsOf } from '../../../src/diff/applied-fields.ts';
import {
  APPLIED_FIELDS_ANNOTATION,
  SYNC_USER,
  trackingId,
  TRACKING_ANNOTATION,
} from '../../../src/diff/tracking.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { type Objects, withVerbs } from '../../support/objects.ts';
import { startTestHttp, type TestHttp } from '../../api/test-http.ts';

const POD = 'api/v1/namespaces/default/pods';
const container = { name: 'c', image: 'web:1' };
const pod = (name: string, spec: Record<string, unknown> = {}, labels = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', labels },
  spec: { containers: [container], ...spec },
});
const namespaced = (apiVersion: string, kind: string, name: string, rest: object): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name, namespace: 'default' },
  ...rest,
});

let http: TestHttp;
let controllers: Objects;
const post = (path: string, body: unknown) => http.send('POST', `/${path}`, body);
const message = async (answer: Promise<{ readonly body: Record<string, unknown> }>): Promise<unknown> =>
  (await answer).body['message'];
const refusal = (writing: Promise<unknown>): Promise<string> =>
  writing.then(
    () => 'was let through',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );

beforeEach(async () => {
  http = await startTestHttp(['default', 'kube-system']);
  controllers = withVerbs(http.core.core.as({ user: { name: 'controllers', groups: [] } }));
});
afterEach(() => http[Symbol.asyncDispose]());

async function quota(hard: Record<string, string>, used: Record<string, string>): Promise<void> {
  const object = namespaced('v1', 'ResourceQuota', 'q', { spec: { hard } });
  await http.core.objects.create(object);
  await http.core.objects.update({ ...object, status: { hard, used } }, { subresource: 'status' });
}
async function usedOf(): Promise<unknown> {
  const { body } = await http.send('GET', '/api/v1/namespaces/default/resourcequotas/q');
  return (body['status'] as { used?: unknown } | undefined)?.used;
}

describe('a limit range', () => {
  beforeEach(async () => {
    const limits = [
      {
        type: 'Container',
        default: { cpu: '200m' },
        defaultRequest: { cpu: '100m' },
        min: { cpu: '50m' },
        max: { cpu: '1' },
        maxLimitRequestRatio: { cpu: '4' },
      },
    ];
    await http.core.objects.create(namespaced('v1', 'LimitRange', 'l', { spec: { limits } }));
  });
  const withCpu = (request: string, limit: string) =>
    pod('a', {
      containers: [{ ...container, resources: { requests: { cpu: request }, limits: { cpu: limit } } }],
    });

  it('fills in what a container leaves out, and says so', async () => {
    const { body } = await post(POD, pod('a'));
    expect(body).toMatchObject({
      metadata: {
        annotations: {
          'kubernetes.io/limit-ranger':
            'LimitRanger plugin set: cpu request for container c; cpu limit for container c',
        },
      },
      spec: { containers: [{ resources: { requests: { cpu: '100m' }, limits: { cpu: '200m' } } }] },
    });
  });

  it.each([
    ['20m', '60m', 'minimum cpu usage per Container is 50m, but request is 20m'],
    ['1', '2', 'maximum cpu usage per Container is 1, but limit is 2'],
    ['100m', '500m', 'cpu max limit to request ratio per Container is 4, but provided ratio is 5.000000'],
  ])('refuses a request of %s with a limit of %s', async (request, limit, why) => {
    expect(await message(post(POD, withCpu(request, limit)))).toBe(`pods "a" is forbidden: ${why}`);
  });

  it('holds for the pods of controllers as well', async () => {
    const created = await controllers.create(pod('b'));
    expect(created).toMatchObject({ spec: { containers: [{ resources: { limits: { cpu: '200m' } } }] } });
    expect(await refusal(controllers.create(withCpu('2', '2')))).toContain('maximum cpu usage per Container');
  });
});

describe('a quota', () => {
  it('is claimed by what is created, and refuses what is too much', async () => {
    await quota({ pods: '1' }, { pods: '0' });
    expect((await post(POD, pod('a'))).code).toBe(201);
    expect(await usedOf()).toEqual({ pods: '1' });
    expect(await message(post(POD, pod('b')))).toBe(
      'pods "b" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1',
    );
  });

  it('asks for requests where it limits them', async () => {
    await quota({ cpu: '1', memory: '1Gi' }, { cpu: '0', memory: '0' });
    expect(await message(post(POD, pod('a')))).toBe(
      'pods "a" is forbidden: failed quota: q: must specify cpu for: c; memory for: c',
    );
  });

  it('is never exceeded by many writers at a time, of requests and of controllers', async () => {
    await quota({ pods: '5' }, { pods: '0' });
    const codes = await Promise.all([
      ...Array.from({ length: 8 }, async (_, index) => (await post(POD, pod(`r${index}`))).code),
      ...Array.from({ length: 8 }, async (_, index) =>
        (await refusal(controllers.create(pod(`c${index}`)))) === 'was let through' ? 201 : 403,
      ),
    ]);
    expect(codes.filter((code) => code === 201)).toHaveLength(5);
    expect(await usedOf()).toEqual({ pods: '5' });
  });

  it('takes nothing for a commit that fails, and nothing for a dry run', async () => {
    await quota({ pods: '2' }, { pods: '0' });
    await post(POD, pod('a'));
    await refusal(
      controllers.apply([
        { verb: 'create', object: pod('b') },
        { verb: 'create', object: pod('a') },
      ]),
    );
    await post(`${POD}?dryRun=All`, pod('c'));
    expect(await usedOf()).toEqual({ pods: '1' });
  });

  it('may be changed by the commit that uses it', async () => {
    await quota({ configmaps: '1' }, { configmaps: '1' });
    const bigger = namespaced('v1', 'ResourceQuota', 'q', { spec: { hard: { configmaps: '5' } } });
    const writing = controllers.apply([
      { verb: 'update', object: bigger },
      { verb: 'create', object: namespaced('v1', 'Secret', 's', {}) },
    ]);
    expect(await refusal(writing)).toBe('was let through');
  });
});

describe('pod security', () => {
  const privileged = { containers: [{ ...container, securityContext: { privileged: true } }] };

  it('refuses a pod below the level, and names the label that would allow it', async () => {
    expect(await message(post(POD, pod('a', privileged)))).toBe(
      'pods "a" is forbidden: violates PodSecurity "baseline:latest": privileged (container "c" must not set securityContext.privileged=true); to allow it, label the namespace: kubectl label --overwrite namespace default pod-security.kubernetes.io/enforce=privileged',
    );
    expect(await refusal(controllers.create(pod('a', privileged)))).toContain('violates PodSecurity');
    const system = { ...pod('a', privileged), metadata: { name: 'a', namespace: 'kube-system' } };
    expect((await post('api/v1/namespaces/kube-system/pods', system)).code).toBe(201);
  });

  it('knows the namespace that is made in the same commit', async () => {
    const labels = { 'pod-security.kubernetes.io/enforce': 'privileged' };
    const writing = controllers.apply([
      { verb: 'create', object: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'new', labels } } },
      { verb: 'create', object: { ...pod('a', privileged), metadata: { name: 'a', namespace: 'new' } } },
    ]);
    expect(await refusal(writing)).toBe('was let through');
  });

  it('warns about a template whose pods will be refused', async () => {
    const template = { metadata: { labels: { a: 'b' } }, spec: privileged };
    const deployment = namespaced('apps/v1', 'Deployment', 'd', {
      spec: { selector: { matchLabels: { a: 'b' } }, template },
    });
    const { code, warnings } = await post('apis/apps/v1/namespaces/default/deployments', deployment);
    expect(code).toBe(201);
    expect(warnings.join()).toContain('would violate PodSecurity');
  });
});

describe('priority', () => {
  const priorityClass = (name: string, value: number, rest = {}) => ({
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: { name },
    value,
    ...rest,
  });
  const CLASSES = 'apis/scheduling.k8s.io/v1/priorityclasses';

  it('comes from the class, or from the one that is the default', async () => {
    await post(CLASSES, priorityClass('high', 1000, { preemptionPolicy: 'Never' }));
    await post(CLASSES, priorityClass('usual', 10, { globalDefault: true }));
    expect((await post(POD, pod('a', { priorityClassName: 'high' }))).body['spec']).toMatchObject({
      priority: 1000,
      preemptionPolicy: 'Never',
    });
    expect((await post(POD, pod('b'))).body['spec']).toMatchObject({
      priority: 10,
      priorityClassName: 'usual',
    });
    expect(await message(post(CLASSES, priorityClass('other', 1, { globalDefault: true })))).toContain(
      'PriorityClass usual is already marked as default. Only one default can exist',
    );
  });
});

describe('a runtime class', () => {
  const make = (rest: object = {}) =>
    post('apis/node.k8s.io/v1/runtimeclasses', {
      apiVersion: 'node.k8s.io/v1',
      kind: 'RuntimeClass',
      metadata: { name: 'boxed' },
      handler: 'runsc',
      ...rest,
    });
  const boxed = (spec: Record<string, unknown> = {}) =>
    post(POD, pod('a', { runtimeClassName: 'boxed', ...spec }));

  it('has to be there', async () => {
    const answer = await boxed();
    expect(answer.body['code']).toBe(403);
    expect(answer.body['message']).toBe(
      'pods "a" is forbidden: pod rejected: RuntimeClass "boxed" not found',
    );
    await make();
    expect((await boxed()).body['kind']).toBe('Pod');
  });

  it('gives a pod its overhead and says where it may run', async () => {
    const toleration = { key: 'boxes', operator: 'Exists', effect: 'NoSchedule' };
    await make({
      overhead: { podFixed: { cpu: '250m' } },
      scheduling: { nodeSelector: { boxes: 'yes' }, tolerations: [toleration] },
    });
    const { body } = await boxed({ nodeSelector: { disk: 'ssd' } });
    expect(body['spec']).toMatchObject({
      overhead: { cpu: '250m' },
      nodeSelector: { disk: 'ssd', boxes: 'yes' },
      tolerations: expect.arrayContaining([toleration]) as unknown,
    });
  });
});

describe('what Git manages', () => {
  const key = 'symphony-system/root';
  const config = (data: Record<string, string>): KubeObject => {
    const object = namespaced('v1', 'ConfigMap', 'm', { data });
    const annotations = { [TRACKING_ANNOTATION]: trackingId(key, object) };
    return { ...object, metadata: { ...object.metadata, annotations } };
  };

  it('may be changed, with a warning; who did it stays until the sync puts it back', async () => {
    await http.core.objects.create(config({ a: '1' }));
    const path = '/api/v1/namespaces/default/configmaps/m';
    const contentType = 'application/merge-patch+json';
    const { code, body, warnings } = await http.send('PATCH', path, { data: { a: '2' } }, { contentType });
    expect(code).toBe(200);
    expect(warnings.join()).toContain(
      'this object is managed by Git (application symphony-system/root): the change will be reverted by the next sync',
    );
    const who = (object: unknown): unknown =>
      (object as KubeObject).metadata.annotations?.['symphony.dev/changed-by'];
    expect(who(body)).toMatch(/^\d{4}-\S+Z admin$/);
    const sync = withVerbs(http.core.core.as({ user: { name: SYNC_USER, groups: [] } }));
    const healed = await sync.update({ ...(body as unknown as KubeObject), data: { a: '1' } });
    expect(who(healed)).toBeUndefined();
  });

  it('may get fields that Git does not set, which no sync takes away: no warning', async () => {
    const object = config({ a: '1' });
    const applied = encodeFields(fieldsOf(object), 10_000);
    const annotations = { ...object.metadata.annotations, [APPLIED_FIELDS_ANNOTATION]: applied };
    await http.core.objects.create({ ...object, metadata: { ...object.metadata, annotations } });
    const patch = (body: object) =>
      http.send('PATCH', '/api/v1/namespaces/default/configmaps/m', body, {
        contentType: 'application/merge-patch+json',
      });
    const added = { data: { b: '2' }, metadata: { annotations: { restartedAt: 'now' } } };
    expect(await patch(added)).toMatchObject({ code: 200, warnings: [] });
    expect((await patch({ data: { a: '2' } })).warnings).toHaveLength(1);
    expect((await patch({ data: { a: null } })).warnings).toHaveLength(1);
    const unmarked = { metadata: { annotations: { [TRACKING_ANNOTATION]: null } } };
    expect((await patch(unmarked)).warnings).toHaveLength(1);
  });

  it('is not said to have changed where the change is refused', async () => {
    const configs = '/api/v1/namespaces/default/configmaps';
    await http.core.objects.create(config({ a: '1' }));
    const contentType = 'application/merge-patch+json';
    const refused = await http.send('PATCH', `${configs}/m`, { data: { '/': '2' } }, { contentType });
    expect(refused).toMatchObject({ code: 422, warnings: [] });
    await http.send('DELETE', `${configs}/m`);
    const messages = async (): Promise<readonly string[]> => {
      const { body } = await http.send('GET', '/api/v1/events');
      return (body['items'] as readonly { message: string }[]).map((event) => event.message);
    };
    await expect.poll(messages).toHaveLength(2);
    expect((await messages()).join()).not.toContain('changed');
  });

  it('may be deleted, with the same warning; an event at its application says who did it', async () => {
    await http.core.objects.create(config({ a: '1' }));
    const path = '/api/v1/namespaces/default/configmaps/m';
    const warning =
      '299 - "this object is managed by Git (application symphony-system/root): the deletion will be reverted by the next sync"';
    expect((await http.send('DELETE', `${path}?dryRun=All`)).warnings).toEqual([warning]);
    expect((await http.send('DELETE', path)).warnings).toEqual([warning]);
    const messages = async (): Promise<readonly unknown[]> => {
      const { body } = await http.send('GET', '/api/v1/events');
      return (body['items'] as readonly { message: string }[]).map((event) => event.message);
    };
    await expect
      .poll(messages)
      .toContain('admin deleted ConfigMap default/m, which Git manages: the next sync makes it again');
    expect(await messages()).toHaveLength(2);
    const other = { ...config({}), metadata: { ...config({}).metadata, name: 'n' } };
    for (const object of [config({}), other]) await http.core.objects.create(object);
    expect((await http.send('DELETE', '/api/v1/namespaces/default/configmaps')).warnings).toEqual([warning]);
  });
});

describe('what the audit log is told of pod security', () => {
  const KEY = 'pod-security.kubernetes.io/';
  const privileged = { containers: [{ ...container, securityContext: { privileged: true } }] };
  const said = (): Record<string, string> => Object.fromEntries(http.audited.at(-1)?.annotations ?? []);

  it('is the level of the namespace, and what its audit level would refuse', async () => {
    const labels = {
      [`${KEY}enforce`]: 'privileged',
      [`${KEY}audit`]: 'baseline',
      [`${KEY}audit-version`]: 'v1.30',
    };
    await http.send(
      'PATCH',
      '/api/v1/namespaces/default',
      { metadata: { labels } },
      { contentType: 'application/merge-patch+json' },
    );
    expect((await post(POD, pod('a', privileged))).code).toBe(201);
    expect(said()).toEqual({
      [`${KEY}enforce-policy`]: 'privileged:latest',
      [`${KEY}audit-violations`]:
        'would violate PodSecurity "baseline:v1.30": privileged (container "c" must not set securityContext.privileged=true)',
    });
    const template = { metadata: { labels: { a: 'b' } }, spec: privileged };
    const spec = { selector: { matchLabels: { a: 'b' } }, template };
    await post(
      'apis/apps/v1/namespaces/default/deployments',
      namespaced('apps/v1', 'Deployment', 'd', { spec }),
    );
    expect(Object.keys(said())).toEqual([`${KEY}audit-violations`]);
    expect((await post(POD, pod('b'))).code).toBe(201);
    expect(said()).toEqual({ [`${KEY}enforce-policy`]: 'privileged:latest' });
  });

  it('is said of a refusal as well, and that a namespace of the system is exempt', async () => {
    expect((await post(POD, pod('a', privileged))).code).toBe(403);
    expect(Object.keys(said()).sort()).toEqual([`${KEY}audit-violations`, `${KEY}enforce-policy`]);
    const system = pod('a', privileged);
    const metadata = { ...system.metadata, namespace: 'kube-system' };
    expect((await post('api/v1/namespaces/kube-system/pods', { ...system, metadata })).code).toBe(201);
    expect(said()).toEqual({ [`${KEY}exempt`]: 'namespace' });
    await http.send('GET', '/api/v1/namespaces/default');
    expect(said()).toEqual({});
  });
});

describe('the subresources of a pod', () => {
  const contentType = 'application/strategic-merge-patch+json';
  const patch = (subresource: string, spec: object) =>
    http.send('PATCH', `/${POD}/a/${subresource}`, { spec }, { contentType });

  it('take debug containers, which then stay as they are', async () => {
    await post(POD, pod('a'));
    const debug = { name: 'dbg', image: 'b:1', targetContainerName: 'c' };
    expect((await patch('ephemeralcontainers', { ephemeralContainers: [debug] })).code).toBe(200);
    expect(
      await message(patch('ephemeralcontainers', { ephemeralContainers: [{ ...debug, image: 'b:2' }] })),
    ).toContain('existing ephemeral containers "dbg" may not be changed');
    const labelled = await http.send(
      'PATCH',
      `/${POD}/a`,
      { metadata: { labels: { x: 'y' } } },
      { contentType },
    );
    expect(labelled.code).toBe(200);
    expect(await message(post(POD, pod('b', { ephemeralContainers: [debug] })))).toContain(
      'spec.ephemeralContainers: Forbidden: cannot be set on create',
    );
  });

  it('hold debug containers to pod security', async () => {
    await post(POD, pod('a'));
    const debug = { name: 'dbg', image: 'b:1', securityContext: { privileged: true } };
    expect((await patch('ephemeralcontainers', { ephemeralContainers: [debug] })).code).toBe(403);
  });

  it('resize within the class of the pod', async () => {
    const requests = (cpu: string) => ({ containers: [{ name: 'c', resources: { requests: { cpu } } }] });
    await post(POD, pod('a', { containers: [{ ...container, resources: { requests: { cpu: '1' } } }] }));
    expect((await patch('resize', requests('2'))).code).toBe(200);
    const limits = { cpu: '2', memory: '1Gi' };
    expect(
      await message(
        patch('resize', { containers: [{ name: 'c', resources: { requests: limits, limits } }] }),
      ),
    ).toContain('Pod QOS Class may not change as a result of resizing');
  });
});

describe('an eviction', () => {
  const EVICTION = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'a' } };
  const running = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
  const BUDGET = '/apis/policy/v1/namespaces/default/poddisruptionbudgets/b';

  async function budget(status: Record<string, unknown>): Promise<void> {
    await http.core.objects.create({ ...pod('a', { nodeName: 'n' }, { app: 'a' }) });
    await http.core.objects.update(
      { ...pod('a', { nodeName: 'n' }, { app: 'a' }), status: running },
      { subresource: 'status' },
    );
    const object = namespaced('policy/v1', 'PodDisruptionBudget', 'b', {
      spec: { minAvailable: 1, selector: { matchLabels: { app: 'a' } } },
    });
    await http.core.objects.create(object);
    await http.core.objects.update(
      { ...object, status: { observedGeneration: 1, expectedPods: 2, ...status } },
      { subresource: 'status' },
    );
  }

  it('is refused where the budget has nothing left', async () => {
    await budget({ currentHealthy: 1, desiredHealthy: 1, disruptionsAllowed: 0 });
    const { code, body } = await post(`${POD}/a/eviction`, EVICTION);
    expect(code).toBe(429);
    expect(body).toMatchObject({
      message: "Cannot evict pod as it would violate the pod's disruption budget.",
      details: {
        causes: [
          {
            reason: 'DisruptionBudget',
            message: 'The disruption budget b needs 1 healthy pods and has 1 currently',
          },
        ],
      },
    });
  });

  it('takes its share of the budget, marks the pod and deletes it', async () => {
    await budget({ currentHealthy: 2, desiredHealthy: 1, disruptionsAllowed: 1 });
    expect((await post(`${POD}/a/eviction?dryRun=All`, EVICTION)).code).toBe(201);
    expect((await http.send('GET', BUDGET)).body).toMatchObject({ status: { disruptionsAllowed: 1 } });
    expect((await post(`${POD}/a/eviction`, EVICTION)).code).toBe(201);
    expect((await http.send('GET', BUDGET)).body).toMatchObject({
      status: { disruptionsAllowed: 0, disruptedPods: { a: expect.any(String) as string } },
    });
    const { body } = await http.send('GET', `/${POD}/a`);
    expect(body).toMatchObject({
      metadata: { deletionTimestamp: expect.any(String) as string },
      status: {
        conditions: expect.arrayContaining([
          expect.objectContaining({ type: 'DisruptionTarget', reason: 'EvictionByEvictionAPI' }),
        ]) as unknown[],
      },
    });
  });

  it('does not wait for a budget where the pod has not started', async () => {
    await post(POD, pod('a', {}, { app: 'a' }));
    expect((await post(`${POD}/a/eviction`, EVICTION)).code).toBe(201);
    expect((await http.send('GET', `/${POD}/a`)).code).toBe(404);
  });
});

describe('tolerations for a node that is away', () => {
  const added = ['not-ready', 'unreachable'].map((name) => ({
    key: `node.kubernetes.io/${name}`,
    operator: 'Exists',
    effect: 'NoExecute',
    tolerationSeconds: 300,
  }));
  const tolerationsOf = (answer: { readonly body: Record<string, unknown> }): unknown =>
    (answer.body['spec'] as { tolerations?: unknown } | undefined)?.tolerations;

  it('are put back when a client replaces the pod without them', async () => {
    expect(tolerationsOf(await post(POD, pod('t')))).toEqual(added);
    const kept = { key: 'a', operator: 'Exists', effect: 'NoExecute' };
    const { body } = await http.send('GET', `/${POD}/t`);
    const replaced = { ...body, spec: { ...(body['spec'] as object), tolerations: [kept] } };
    const put = await http.send('PUT', `/${POD}/t`, replaced);
    expect(put.code).toBe(200);
    expect(tolerationsOf(put)).toEqual([kept, ...added]);
  });

  it('are put back when a patch takes them away', async () => {
    await post(POD, pod('u'));
    const patch = { spec: { tolerations: null } };
    const patched = await http.send('PATCH', `/${POD}/u`, patch, {
      contentType: 'application/merge-patch+json',
    });
    expect(patched.code).toBe(200);
    expect(tolerationsOf(patched)).toEqual(added);
  });

  it('last as long as the administrator says', async () => {
    const policy = {
      defaultPodSecurity: 'baseline',
      tolerationSeconds: { notReady: 7, unreachable: 0 },
    } as const;
    const other = await startTestHttp(['default'], policy);
    const { body } = await other.send('POST', `/${POD}`, pod('t'));
    const seconds = (body['spec'] as { tolerations: { tolerationSeconds: number }[] }).tolerations;
    expect(seconds.map(({ tolerationSeconds }) => tolerationSeconds)).toEqual([7, 0]);
    await other[Symbol.asyncDispose]();
  });
});
