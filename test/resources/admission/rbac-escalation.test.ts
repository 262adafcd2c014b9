import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RequestContext, UserInfo } from '../../../src/resources/types.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { errorMessage } from '../../../src/base/errors.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { type PolicyRule, RBAC_API_VERSION, RBAC_GROUP } from '../../../src/schemas/rbac.ts';
import { kindNamed, plainWrite, startTestCore, type TestCore } from '../../api/test-api.ts';

let test: TestCore;

const pods: PolicyRule = { verbs: ['get'], apiGroups: [''], resources: ['pods'] };
const secrets: PolicyRule = { verbs: ['get', 'list'], apiGroups: [''], resources: ['secrets'] };
const permission = (verb: string, resource: string, name?: string): PolicyRule => ({
  verbs: [verb],
  apiGroups: [RBAC_GROUP],
  resources: [resource],
  ...(name === undefined ? {} : { resourceNames: [name] }),
});

const contextOf = (user: UserInfo): RequestContext => ({
  user,
  warn: () => undefined,
  annotate: () => undefined,
});
const holder: UserInfo = { name: 'holder', groups: ['system:authenticated'] };
const master: UserInfo = { name: 'root', groups: ['system:masters'] };

const object = (kind: string, name: string, namespace: string | undefined, rest: object): KubeObject => ({
  apiVersion: RBAC_API_VERSION,
  kind,
  metadata: { name, ...(namespace ? { namespace } : {}) },
  ...rest,
});

beforeEach(async () => {
  test = await startTestCore(systemClock, ['shop']);
  await hold([pods]);
});
afterEach(() => test[Symbol.asyncDispose]());

/** The holder's rights in the namespace `shop`. */
async function hold(rules: readonly PolicyRule[]): Promise<void> {
  const role = kindNamed('Role');
  const stored = await test.objects.get(role, 'shop/held').catch(() => undefined);
  if (stored) await test.objects.update({ ...stored, rules });
  else {
    await test.objects.create(object('Role', 'held', 'shop', { rules }));
    const roleRef = { apiGroup: RBAC_GROUP, kind: 'Role', name: 'held' };
    const subjects = [{ kind: 'User', name: 'holder' }];
    await test.objects.create(object('RoleBinding', 'held', 'shop', { roleRef, subjects }));
  }
  for (const plural of ['roles', 'rolebindings'])
    await (await test.core.snapshots.open({ group: RBAC_GROUP, plural })).refresh();
}

async function create(made: KubeObject, user: UserInfo = holder): Promise<string> {
  const collection = { kind: kindNamed(made.kind), namespace: made.metadata.namespace };
  return test.core.create(collection, made, plainWrite, contextOf(user)).then(
    () => 'created',
    (error: unknown) => errorMessage(error),
  );
}

const role = (rules: readonly PolicyRule[]): KubeObject => object('Role', 'r', 'shop', { rules });
const bindingOf = (kind: string, name: string): KubeObject =>
  object('RoleBinding', 'b', 'shop', {
    roleRef: { apiGroup: RBAC_GROUP, kind, name },
    subjects: [{ kind: 'User', name: 'somebody' }],
  });

describe('who writes a role', () => {
  it('holds what it says', async () => {
    expect(await create(role([pods]))).toBe('created');
  });

  it('is told what is missing', async () => {
    expect(await create(role([pods, secrets]))).toBe(
      'roles.rbac.authorization.k8s.io "r" is forbidden: user "holder" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}',
    );
  });

  it('may escalate, or is an administrator', async () => {
    expect(await create(role([secrets]), master)).toBe('created');
    await hold([permission('escalate', 'roles')]);
    expect(await create({ ...role([secrets]), metadata: { name: 'r2', namespace: 'shop' } })).toBe('created');
  });

  it('is asked again at every change', async () => {
    await create(role([pods]));
    const ref = { kind: kindNamed('Role'), namespace: 'shop', name: 'r' };
    const grow = test.core.update(ref, role([pods, secrets]), plainWrite, contextOf(holder));
    await expect(grow).rejects.toThrow(/not currently held/);
    const patch = {
      format: 'json',
      body: [{ op: 'replace', path: '/rules/0/verbs', value: ['*'] }],
    } as const;
    await expect(test.core.patch(ref, patch, plainWrite, contextOf(holder))).rejects.toThrow(
      /Verbs:\["\*"\]/,
    );
  });

  it('may not make it of others without being able to do everything', async () => {
    const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] };
    const made = object('ClusterRole', 'sum', undefined, { rules: [], aggregationRule });
    expect(await create(made)).toBe(
      'clusterroles.rbac.authorization.k8s.io "sum" is forbidden: must have cluster-admin privileges to use the aggregationRule',
    );
    expect(await create(made, master)).toBe('created');
  });

  it('is refused rules that are too many to compare', async () => {
    const many = Array.from({ length: 200 }, (_, index) => `v${index}`);
    expect(await create(role([{ verbs: many, apiGroups: many, resources: ['pods'] }]))).toMatch(
      /too many permissions/,
    );
  });

  it('is refused a rule without verbs by validation, as anybody is', async () => {
    expect(
      await create(object('Role', 'r', 'shop', { rules: [{ apiGroups: [''], resources: ['pods'] }] })),
    ).toMatch(/verbs must contain at least one value/);
  });
});

describe('who writes a binding', () => {
  beforeEach(async () => {
    await test.objects.create(role([secrets]));
    await (await test.core.snapshots.open({ group: RBAC_GROUP, plural: 'roles' })).refresh();
  });

  it('holds what its role says', async () => {
    expect(await create(bindingOf('Role', 'r'))).toMatch(/not currently held:\n.*secrets/);
    await hold([secrets]);
    expect(await create(bindingOf('Role', 'r'))).toBe('created');
  });

  it('may bind that role, and no other', async () => {
    await hold([permission('bind', 'roles', 'r')]);
    expect(await create(bindingOf('Role', 'r'))).toBe('created');
    await test.objects.create(object('Role', 'r2', 'shop', { rules: [secrets] }));
    const other = { ...bindingOf('Role', 'r2'), metadata: { name: 'b2', namespace: 'shop' } };
    expect(await create(other)).toMatch(/not currently held/);
  });

  it('is told that there is no such role', async () => {
    expect(await create(bindingOf('ClusterRole', 'none'))).toBe(
      'clusterrole.rbac.authorization.k8s.io "none" not found',
    );
    expect(await create(bindingOf('ClusterRole', 'none'), master)).toBe('created');
  });
});

describe('the author of a confined Application', () => {
  it('is told beforehand what the write will say, also where the right names one role', async () => {
    await test.objects.create(role([pods]));
    await hold([pods, permission('update', 'roles'), permission('escalate', 'roles', 'r')]);
    const writer = test.core.as({ user: { name: 'sync', groups: [] }, author: holder, confinedTo: 'shop' });
    const grow = { verb: 'update', object: role([pods, secrets]) } as const;
    const make = {
      verb: 'update',
      object: { ...role([secrets]), metadata: { name: 'held', namespace: 'shop' } },
    } as const;
    const [allowed, refused] = await writer.refusals([grow, make]);
    expect(allowed).toBeUndefined();
    expect(refused).toMatch(/not currently held/);
    expect((await writer.write({ writes: [grow] })).length).toBe(1);
    await expect(writer.write({ writes: [make] })).rejects.toThrow(/not currently held/);
  });
});
