/** {@link ImageSource}: the image manager with the credentials of the pod's imagePullSecrets. */
import { goWords } from '../../base/go-words.ts';
import type { Logger } from '../../base/logger.ts';
import { type ApiClient, resources } from '../../client/types.ts';
import { keyOf } from '../../schemas/object.ts';
import type { Pod, Secret } from '../../schemas/types.ts';
import type { ImageManager } from './create-image-manager.ts';
import { type RegistryCredentials, parseImagePullSecret } from './plan-registry-auth.ts';
import type { ImageSource } from '../ports.ts';
import type { ImageEvent } from './types.ts';

export function createImageSource(manager: ImageManager, client: ApiClient, logger: Logger): ImageSource {
  /** A missing secret is passed over, as kubelet does: the pull may do without. */
  async function credentialsOf(
    pod: Pod,
    record: (event: ImageEvent) => void,
  ): Promise<readonly RegistryCredentials[]> {
    const missing: string[] = [];
    const names = (pod.spec.imagePullSecrets ?? []).flatMap(({ name }) => name ?? []);
    const found = await Promise.all(
      names.map((name) =>
        client.get<Secret>(resources.secrets, pod.metadata.namespace, name).catch((error: unknown) => {
          logger.warn(
            { pod: keyOf(pod), secretName: name, error: goWords(error) },
            'Cannot read an image pull secret',
          );
          missing.push(name);
          return undefined;
        }),
      ),
    );
    if (missing.length > 0) {
      const message = `Unable to retrieve some image pull secrets (${missing.sort().join(', ')}); attempting to pull the image may not succeed.`;
      record({ type: 'Warning', reason: 'FailedToRetrieveImagePullSecret', message });
    }
    return found.flatMap((secret) => (secret ? parseImagePullSecret(secret) : []));
  }

  return {
    async ensure(pod, container, record) {
      return manager.ensure({
        image: container.image ?? '',
        policy: container.imagePullPolicy,
        credentials: await credentialsOf(pod, record),
        onEvent: record,
      });
    },
  };
}
