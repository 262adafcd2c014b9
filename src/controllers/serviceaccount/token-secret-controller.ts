/** Runs {@link planTokenSecret} for each Secret of a service account, and signs the tokens that are missing. */
import { type KubeObject, objectKey } from '../../schemas/object.ts';
import type { Secret } from '../../schemas/types.ts';
import { unchanged, type Write } from '../../resources/writing/write-plan.ts';
import { applyAndWait, type ControllerContext, type Loop, startLoop } from '../controller.ts';
import { accountNameOf, isTokenSecret, planTokenSecret, withToken } from './plan-token-secret.ts';

/** A token without end, which is worth something for as long as the Secret holds it. */
export type SignSecretToken = (account: KubeObject, secretName: string) => Promise<string>;

export interface TokenSecretOptions {
  readonly caBundle: string | undefined;
  readonly sign: SignSecretToken;
}

const BY_ACCOUNT = 'service-account';

export async function startTokenSecretController(
  context: ControllerContext,
  { caBundle, sign }: TokenSecretOptions,
): Promise<Loop> {
  const secrets = await context.caches.open<Secret>('secrets');
  const accounts = await context.caches.open('serviceaccounts');
  const accountKey = (secret: Secret): string => objectKey(secret.metadata.namespace, accountNameOf(secret));
  secrets.addIndex(BY_ACCOUNT, (secret) => (isTokenSecret(secret) ? [accountKey(secret)] : []));

  async function accountOf(secret: Secret, signal: AbortSignal): Promise<KubeObject | undefined> {
    const key = accountKey(secret);
    // An account that seems to be missing costs the Secret: make sure.
    if (!accounts.get(key)) await accounts.refresh(signal);
    return accounts.get(key);
  }

  const loop = startLoop({
    name: 'token-secret',
    context,
    keys: () =>
      secrets
        .list()
        .filter(isTokenSecret)
        .map(({ metadata }) => objectKey(metadata.namespace, metadata.name)),
    async reconcile(key, signal) {
      const secret = secrets.get(key);
      if (!secret || !isTokenSecret(secret)) return;
      const account = await accountOf(secret, signal);
      const plan = planTokenSecret({ secret, account, caBundle, mayAct: context.mayAct() });
      if (plan.action === 'none') return;
      const { name, uid = '' } = secret.metadata;
      let write: Write = { verb: 'delete', object: secret, options: { preconditions: { uid } } };
      if (plan.action === 'fill' && account) {
        const object = plan.needsToken ? withToken(plan.secret, await sign(account, name)) : plan.secret;
        write = { verb: 'update', object };
      }
      await applyAndWait(context, [write], signal, account ? [unchanged(account)] : []);
    },
  });

  const subscriptions = [
    secrets.subscribe(({ key, object, type }) => {
      if (type !== 'DELETED' && isTokenSecret(object)) loop.queue.add(key);
    }),
    accounts.subscribe(({ key }) => {
      for (const { metadata } of secrets.byIndex(BY_ACCOUNT, key))
        loop.queue.add(objectKey(metadata.namespace, metadata.name));
    }),
  ];
  return {
    queue: loop.queue,
    async [Symbol.asyncDispose]() {
      for (const subscription of subscriptions) subscription[Symbol.dispose]();
      await loop[Symbol.asyncDispose]();
    },
  };
}
