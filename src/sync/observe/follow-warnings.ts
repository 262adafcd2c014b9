/** Follows the events of all objects, and keeps the warnings that explain them. */
import { textAt } from '../../health/fields.ts';
import { createWarningIndex, type Surroundings } from '../../health/index.ts';
import { type KubeObject, objectKey } from '../../schemas/object.ts';
import type { Registry, ResourceKind } from '../../schemas/resource-kind.ts';
import type { ResourceCache } from '../../store/cache/cache.ts';

export interface FollowedWarnings extends Disposable, Pick<Surroundings, 'warningsAbout'> {}

export function followWarnings(
  events: ResourceCache,
  registry: Registry,
  find: (kind: ResourceKind, key: string) => KubeObject | undefined,
  onExplained: (kind: ResourceKind, about: KubeObject) => void,
): FollowedWarnings {
  const warnings = createWarningIndex();
  for (const event of [...events.list()].sort((a, b) => versionOf(a) - versionOf(b)))
    warnings.observe(event, 'ADDED');
  const subscription = events.subscribe(({ type, object }) => {
    const involved = warnings.observe(object, type);
    const kind = involved && registry.byKind(textAt(involved, 'apiVersion'), textAt(involved, 'kind'));
    if (!kind) return;
    const namespace = kind.namespaced ? object.metadata.namespace : undefined;
    const about = find(kind, objectKey(namespace, textAt(involved, 'name')));
    if (about && about.metadata.uid === involved['uid']) onExplained(kind, about);
  });
  return {
    warningsAbout: (object) => warnings.about(object),
    [Symbol.dispose]: () => subscription[Symbol.dispose](),
  };
}

const versionOf = ({ metadata }: KubeObject): number => Number(metadata.resourceVersion ?? 0);
