/** {@link ImageSource}: the image manager, with the credentials of the pod's imagePullSecrets. */
import type { Logger } from '../base/logger.ts';
import { type ApiClient, resources } from '../client/types.ts';
import type { Pod, Secret } from '../schemas/types.ts';
import type { ImageManager } from './images/create-image-manager.ts';
import { type RegistryCredentials, parseImagePullSecret } from './images/plan-registry-auth.ts';
import type { ImageSource } from './ports.ts';

export function createImageSource(manager: ImageManager, client: ApiClient, logger: Logger): ImageSource {
  /** As kubelet: a secret that is missing is passed over, the pull may do without. */
  async function credentialsOf(pod: Pod): Promise<readonly RegistryCredentials[]> {
    const names = (pod.spec.imagePullSecrets ?? []).flatMap(({ name }) => name ?? []);
    const found = await Promise.all(
      names.map((name) =>
        client.get<Secret>(resources.secrets, pod.metadata.namespace, name).catch((error: unknown) => {
          logger.warn(
            { pod: pod.metadata.name, secretName: name, error },
            'Cannot read an image pull secret',
          );
          return undefined;
        }),
      ),
    );
    return found.flatMap((secret) => (secret ? parseImagePullSecret(secret) : []));
  }

  return {
    async ensure(pod, container, record) {
      return manager.ensure({
        image: container.image ?? '',
        policy: container.imagePullPolicy,
        credentials: await credentialsOf(pod),
        onEvent: record,
      });
    },
  };
}
