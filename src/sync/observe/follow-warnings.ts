/** Keeps the index of warnings up to date, and tells which objects its news are about. */
import { createWarningIndex, type Surroundings } from '../../health/index.ts';
import { textAt } from '../../health/fields.ts';
import { type KubeObject, objectKey } from '../../schemas/object.ts';
import { type Registry, type ResourceKind, resourceIdOf } from '../../schemas/resource-kind.ts';
import type { ResourceCache } from '../../store/cache/cache.ts';

export interface FollowedWarnings extends Disposable, Pick<Surroundings, 'warningsAbout'> {}

export interface FollowWarningsOptions {
  readonly events: ResourceCache;
  readonly registry: Registry;
  live(resource: string, key: string): KubeObject | undefined;
  /** Called for an object that exists, when its warnings changed. */
  onNews(kind: ResourceKind, about: KubeObject): void;
}

export function followWarnings({ events, registry, live, onNews }: FollowWarningsOptions): FollowedWarnings {
  const index = createWarningIndex();
  const byAge = [...events.list()].sort((a, b) => versionOf(a) - versionOf(b));
  for (const event of byAge) index.observe(event, 'ADDED');
  const subscription = events.subscribe(({ type, object }) => {
    const involved = index.observe(object, type);
    const kind = involved && registry.byKind(textAt(involved, 'apiVersion'), textAt(involved, 'kind'));
    if (!kind) return;
    const namespace = kind.namespaced ? object.metadata.namespace : undefined;
    const about = live(resourceIdOf(kind), objectKey(namespace, textAt(involved, 'name')));
    if (about && about.metadata.uid === involved['uid']) onNews(kind, about);
  });
  return {
    warningsAbout: (object) => index.about(object),
    [Symbol.dispose]: () => subscription[Symbol.dispose](),
  };
}

const versionOf = ({ metadata }: KubeObject): number => Number(metadata.resourceVersion ?? 0);
