import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type HttpAnswer, startTestHttp, type TestHttp } from '../test-http.ts';

let http: TestHttp;
beforeEach(async () => {
  http = await startTestHttp(['shop']);
});
afterEach(() => http[Symbol.asyncDispose]());

const GROUP = '/apis/authorization.k8s.io/v1';

const ask = (plural: string, spec: unknown, metadata?: unknown): Promise<HttpAnswer> =>
  http.send('POST', `${GROUP}/${plural}`, { spec, ...(metadata ? { metadata } : {}) });

const pods = { verb: 'get', resource: 'pods', namespace: 'shop' };

describe('reviews of access', () => {
  it('answer and keep nothing', async () => {
    const { code, body } = await ask('selfsubjectaccessreviews', { resourceAttributes: pods });
    expect(code).toBe(201);
    expect(body['status']).toEqual({ allowed: true });
    expect((await http.send('GET', `${GROUP}/selfsubjectaccessreviews`)).code).toBe(405);
  });

  it('about somebody else need somebody', async () => {
    const { code, body } = await ask('subjectaccessreviews', { resourceAttributes: pods });
    expect(code).toBe(422);
    expect(body['message']).toBe(
      '.authorization.k8s.io "" is invalid: spec.user: Invalid value: "": at least one of user or group must be specified',
    );
    const bob = await ask('subjectaccessreviews', { resourceAttributes: pods, user: 'bob' });
    expect(bob.body['status']).toEqual({ allowed: false });
    const masters = await ask('subjectaccessreviews', {
      resourceAttributes: pods,
      groups: ['system:masters'],
    });
    expect(masters.body['status']).toEqual({ allowed: true });
  });

  it('ask one thing at a time', async () => {
    const both = { resourceAttributes: pods, nonResourceAttributes: { path: '/', verb: 'get' } };
    const { code, body } = await ask('selfsubjectaccessreviews', both);
    expect(code).toBe(422);
    expect(body['message']).toMatch(/cannot be specified in combination with resourceAttributes/);
  });

  it('have no name', async () => {
    const { code, body } = await ask('selfsubjectaccessreviews', { resourceAttributes: pods }, { name: 'a' });
    expect(code).toBe(422);
    expect(body['message']).toMatch(/metadata: Invalid value: .*: must be empty/);
  });

  it('of a namespace speak of it alone', async () => {
    const local = `namespaces/shop/localsubjectaccessreviews`;
    expect((await ask(local, { user: 'bob', resourceAttributes: pods })).code).toBe(201);
    const elsewhere = { user: 'bob', resourceAttributes: { ...pods, namespace: 'other' } };
    expect((await ask(local, elsewhere)).body['message']).toMatch(/must match metadata.namespace/);
    const path = { user: 'bob', nonResourceAttributes: { path: '/', verb: 'get' } };
    expect((await ask(local, path)).body['message']).toMatch(/disallowed on this kind of request/);
    expect((await ask(local, { user: 'bob', resourceAttributes: pods }, { namespace: 'other' })).code).toBe(
      400,
    );
  });

  it('take field selectors into account', async () => {
    const mine = { key: 'spec.nodeName', operator: 'In', values: ['n1'] };
    const list = { verb: 'list', resource: 'pods', fieldSelector: { requirements: [mine] } };
    const agent = { user: 'system:node:n1', groups: ['system:nodes'] };
    expect(
      (await ask('subjectaccessreviews', { ...agent, resourceAttributes: list })).body['status'],
    ).toEqual({
      allowed: true,
    });
    const raw = { ...list, fieldSelector: { rawSelector: 'spec.nodeName=n2' } };
    expect((await ask('subjectaccessreviews', { ...agent, resourceAttributes: raw })).body['status']).toEqual(
      {
        allowed: false,
        reason: 'can only list/watch pods with spec.nodeName field selector',
      },
    );
  });

  it('list the rules of a namespace that is named', async () => {
    expect((await ask('selfsubjectrulesreviews', {})).body['message']).toBe('no namespace on request');
    const { body } = await ask('selfsubjectrulesreviews', { namespace: 'shop' });
    expect(body['status']).toEqual({ resourceRules: [], nonResourceRules: [], incomplete: false });
  });
});
