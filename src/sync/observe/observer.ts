/** The places where applications are observed. */
import type { Clock } from '../../base/clock.ts';
import type { Registry } from '../../schemas/resource-kind.ts';
import type { Application } from '../../schemas/types.ts';
import type { ResourceCache } from '../../store/cache/cache.ts';
import type { Store } from '../../store/types.ts';
import type { Renderer } from '../render/types.ts';
import type { ForeseeOptions } from './foreseen.ts';
import type { Neighbourhood } from './hand-over.ts';

export interface Observer {
  readonly apps: ResourceCache<Application>;
  readonly store: Store;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly renderers: readonly Renderer[];
  readonly foresee: ForeseeOptions;
  /** The other applications: objects move between them. */
  readonly neighbourhood: Neighbourhood;
}

/** False while the store's history is lost. */
export const isHistoryComplete = async ({ store }: Pick<Observer, 'store'>): Promise<boolean> =>
  (await store.clusterState())?.phase === 'normal';
