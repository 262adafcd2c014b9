/** Removes bootstrap tokens that have expired (upstream's tokencleaner). */
import { bootstrapExpiryMs, isBootstrapToken } from '../../schemas/bootstrap-token.ts';
import { keyOf } from '../../schemas/object.ts';
import type { Secret } from '../../schemas/types.ts';
import type { Controller, Reconciler } from '../controller.ts';
import { deletionOf, isDeleting } from '../ownership.ts';

export const bootstrapTokenCleaner: Controller = {
  name: 'bootstrap-token-cleaner',
  async open({ caches }, scope): Promise<Reconciler<Secret>> {
    const secrets = await caches.open<Secret>('secrets');
    scope.on(secrets, ({ key, object }) => (isBootstrapToken(object) ? [key] : []));
    return {
      keys: () => secrets.list().filter(isBootstrapToken).map(keyOf),
      observe(key) {
        const secret = secrets.get(key);
        return secret && isBootstrapToken(secret) && !isDeleting(secret) ? secret : undefined;
      },
      plan(secret, nowMs) {
        const expiresAt = bootstrapExpiryMs(secret);
        if (expiresAt === undefined) return undefined;
        const leftMs = expiresAt - nowMs;
        return leftMs > 0 ? { writes: [], requeueAfterMs: leftMs } : { writes: [deletionOf(secret)] };
      },
    };
  },
};
