/**
 * The TLS Secrets that Ingresses name. A node may read each by its name only, so that they are read
 * again now and then: a new certificate is served within a minute.
 */
import { type Clock, sleep } from '../../base/clock.ts';
import { jsonEqual } from '../../base/json.ts';
import { mapBounded } from '../../base/map-bounded.ts';
import { type ApiClient, resources } from '../../client/types.ts';
import { isStatusError } from '../../schemas/errors/status.ts';
import type { Secret } from '../../schemas/types.ts';
import type { SecretView } from './plan-certificates.ts';

export interface TlsSecrets {
  /** By `namespace/name`. */
  get(key: string): SecretView | undefined;
  /** Reads those that are new, and forgets others. False: the API gave no answer for some. */
  follow(keys: ReadonlySet<string>): Promise<boolean>;
  /** Reads all again at intervals, and tells of changes; until the signal. */
  refresh(signal: AbortSignal, onChange: () => void): Promise<void>;
}

const REFRESH_MS = 30_000;
const AT_A_TIME = 4;

export function createTlsSecrets(client: ApiClient, clock: Clock): TlsSecrets {
  const known = new Map<string, SecretView>();

  /** True: something is known that was not before. */
  async function read(key: string): Promise<boolean> {
    const [namespace = '', name = ''] = key.split('/');
    const before = known.get(key);
    try {
      const { data, type } = await client.get<Secret>(resources.secrets, namespace, name);
      // Nothing else of it counts.
      known.set(key, {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { namespace, name },
        data,
        type,
      } as Secret);
    } catch (error) {
      if (isStatusError(error, 'NotFound')) known.set(key, 'it does not exist');
      else if (isStatusError(error, 'Forbidden')) known.set(key, REFUSED);
      // The known certificate stays while the API is away.
    }
    return !jsonEqual(known.get(key), before);
  }

  return {
    get: (key) => known.get(key),
    async follow(keys) {
      for (const key of known.keys()) if (!keys.has(key)) known.delete(key);
      const unknown = [...keys].filter((key) => !known.has(key));
      await mapBounded(unknown, AT_A_TIME, read);
      return [...keys].every((key) => known.has(key));
    },
    async refresh(signal, onChange) {
      for (;;) {
        await sleep(clock, REFRESH_MS, signal);
        if (signal.aborted) return;
        const changed = await mapBounded([...known.keys()], AT_A_TIME, read);
        if (changed.includes(true)) onChange();
      }
    },
  };
}

const REFUSED = 'there is no Secret of this name and type kubernetes.io/tls';
