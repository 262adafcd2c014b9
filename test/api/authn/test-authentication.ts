/** Authentication on the memory store and a simulated clock, with a key of its own. */
import { type Authentication, createAuthentication } from '../../../src/api/authn/authentication.ts';
import {
  createServiceAccountTokens,
  type ServiceAccountTokens,
} from '../../../src/api/authn/service-account-tokens.ts';
import type { Authentication as Verdict, UserInfo } from '../../../src/api/authn/types.ts';
import { newSigningKeyPem, signingKeyOf } from '../../../src/api/tls/signing-key.ts';
import { isRecord } from '../../../src/base/json.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import type { Pod, Secret } from '../../../src/schemas/types.ts';
import { createFakeClock, type FakeClock, settle } from '../../support/fake-clock.ts';
import { kindNamed, plainWrite, startTestCore, type TestCore } from '../test-api.ts';

export interface TestAuthentication extends AsyncDisposable {
  readonly clock: FakeClock;
  readonly core: TestCore;
  readonly authentication: Authentication;
  readonly serviceAccounts: ServiceAccountTokens;
  /** The door's answer to a bearer token. */
  ask(token: string): Promise<Verdict>;
  /** `POST serviceaccounts/NAME/token` in `default`. */
  requestToken(name: string, body?: Record<string, unknown>, user?: UserInfo): Promise<KubeObject>;
  /** Only the token of that. */
  tokenOf(name: string, spec?: Record<string, unknown>): Promise<string>;
  /** `POST` to a virtual resource. */
  review(plural: string, body: unknown, user?: UserInfo): Promise<Record<string, unknown>>;
  remove(kind: string, name: string, namespace?: string): Promise<void>;
}

export const adminUser: UserInfo = { name: 'admin', groups: ['system:masters'] };

/** Static tokens: `static-<user>`. */
const table = {
  find: (token: string): UserInfo | undefined =>
    token.startsWith('static-') ? { name: token.slice(7), groups: ['system:authenticated'] } : undefined,
};

const key = signingKeyOf(newSigningKeyPem());

export async function startTestAuthentication(): Promise<TestAuthentication> {
  const clock = createFakeClock();
  const core = await startTestCore(clock);
  const serviceAccounts = await createServiceAccountTokens(key);
  const authentication = createAuthentication({ core: core.core, table, serviceAccounts, rng: core.rng });
  const contextOf = (user: UserInfo) => ({ ...core.context, user });
  async function requestToken(
    name: string,
    body: Record<string, unknown> = {},
    user: UserInfo = adminUser,
  ): Promise<KubeObject> {
    const ref = { kind: kindNamed('ServiceAccount'), namespace: 'default', name };
    const action = authentication.actions.find(({ subresource }) => subresource === 'token');
    const made = await action?.create(ref, body, plainWrite, contextOf(user));
    if (!made) throw new Error('no answer');
    return made;
  }
  return {
    clock,
    core,
    authentication,
    serviceAccounts,
    ask: async (token) =>
      authentication.authenticator.authenticate({ headers: { authorization: `Bearer ${token}` } }),
    requestToken,
    async tokenOf(name, spec = {}) {
      const { status } = await requestToken(name, { spec });
      return isRecord(status) ? String(status['token']) : '';
    },
    async review(plural, body, user = adminUser) {
      const resource = authentication.virtual.find((candidate) => candidate.plural === plural);
      const made = await resource?.create?.(body, undefined, plainWrite, contextOf(user));
      const status = made?.['status'];
      if (!isRecord(status)) throw new Error('no status');
      return status;
    },
    async remove(kindName, name, namespace = 'default') {
      const kind = kindNamed(kindName);
      const key = kind.namespaced ? `${namespace}/${name}` : name;
      await core.objects.delete(kind, key, { gracePeriodSeconds: 0 });
      await settle();
    },
    [Symbol.asyncDispose]: () => core[Symbol.asyncDispose](),
  };
}

export const anAccount = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name, namespace: 'default' },
});

export const anAccountsPod = (name: string, account: string, spec: Partial<Pod['spec']> = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default' },
  spec: { containers: [{ name: 'c', image: 'img' }], serviceAccountName: account, ...spec },
});

export const aSecret = (name: string, fields: Partial<Secret> = {}): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace: 'default' },
  ...fields,
});
