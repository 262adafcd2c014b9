/**
 * Runs {@link planTokenSecret} for each Secret of an account, with a token where one is missing.
 */
import { type KubeObject, keyOf, objectKey } from '../../schemas/object.ts';
import type { Secret } from '../../schemas/types.ts';
import type { Controller, Reconciler } from '../controller.ts';
import {
  accountNameOf,
  isAccountOf,
  isTokenSecret,
  planTokenSecret,
  type TokenSecretInput,
} from './plan-token-secret.ts';

/** A token without end, which is worth something for as long as the Secret holds it. */
export type SignSecretToken = (account: KubeObject, secretName: string) => Promise<string>;

export interface TokenSecretOptions {
  readonly caBundle: string | undefined;
  readonly sign: SignSecretToken;
}

const BY_ACCOUNT = 'service-account';

export const tokenSecretController = ({ caBundle, sign }: TokenSecretOptions): Controller => ({
  name: 'token-secret',
  async open(context, scope): Promise<Reconciler<TokenSecretInput>> {
    const secrets = await context.caches.open<Secret>('secrets');
    const accounts = await context.caches.open('serviceaccounts');
    const accountKey = (secret: Secret): string =>
      objectKey(secret.metadata.namespace, accountNameOf(secret));
    secrets.addIndex(BY_ACCOUNT, (secret) => (isTokenSecret(secret) ? [accountKey(secret)] : []));
    scope.on(secrets, ({ key, object }) => (isTokenSecret(object) ? [key] : []));
    scope.on(accounts, ({ key }) => secrets.byIndex(BY_ACCOUNT, key).map(keyOf));
    return {
      keys: () => secrets.list().filter(isTokenSecret).map(keyOf),
      async observe(key, signal) {
        const secret = secrets.get(key);
        if (!secret || !isTokenSecret(secret)) return undefined;
        // An account that seems to be missing costs the Secret: make sure.
        if (!accounts.get(accountKey(secret))) await accounts.refresh(signal);
        const account = accounts.get(accountKey(secret));
        const needsToken = !secret.data?.['token'] && account && isAccountOf(secret, account);
        const token = needsToken ? await sign(account, secret.metadata.name) : undefined;
        return { secret, account, token, caBundle, mayAct: context.mayAct() };
      },
      plan: planTokenSecret,
    };
  },
});
