/** Removes bootstrap tokens whose time is over (upstream's tokencleaner). They are worth nothing from that moment on anyway. */
import { bootstrapExpiryMs, isBootstrapToken } from '../../schemas/bootstrap-token.ts';
import { objectKey } from '../../schemas/object.ts';
import type { Secret } from '../../schemas/types.ts';
import { applyAndWait, type ControllerContext, type Loop, startLoop } from '../controller.ts';
import { isDeleting } from '../ownership.ts';

export async function startBootstrapTokenCleaner(context: ControllerContext): Promise<Loop> {
  const secrets = await context.caches.open<Secret>('secrets');
  const loop = startLoop({
    name: 'bootstrap-token-cleaner',
    context,
    keys: () =>
      secrets
        .list()
        .filter(isBootstrapToken)
        .map(({ metadata }) => objectKey(metadata.namespace, metadata.name)),
    async reconcile(key, signal) {
      const secret = secrets.get(key);
      if (!secret || !isBootstrapToken(secret) || isDeleting(secret)) return;
      const expiresAt = bootstrapExpiryMs(secret);
      if (expiresAt === undefined) return;
      const leftMs = expiresAt - context.clock.now();
      if (leftMs > 0) return { requeueAfterMs: leftMs };
      const { uid = '' } = secret.metadata;
      await applyAndWait(
        context,
        [{ verb: 'delete', object: secret, options: { preconditions: { uid } } }],
        signal,
      );
    },
  });
  const subscription = secrets.subscribe(({ key, object, type }) => {
    if (type !== 'DELETED' && isBootstrapToken(object)) loop.queue.add(key);
  });
  return {
    queue: loop.queue,
    async [Symbol.asyncDispose]() {
      subscription[Symbol.dispose]();
      await loop[Symbol.asyncDispose]();
    },
  };
}
