/**
 * The service account tokens of this node's pods. The node requests them, bound to the pod: one for
 * each audience and lifetime. A token is renewed after four fifths of its life. Without a control
 * plane the old one serves for as long as it is valid.
 */
import type { Clock } from '../../base/clock.ts';
import { errorMessage, levelOf } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { Rng } from '../../base/rng.ts';
import { createSharedReads } from '../../base/shared-reads.ts';
import { type ApiClient, resources } from '../../client/types.ts';
import { asNumber, asString, getPath } from '../../schemas/json-access.ts';
import { type KubeObject, keyOf } from '../../schemas/object.ts';
import { isStatusError, notFound } from '../../schemas/errors/status.ts';
import type { Pod } from '../../schemas/types.ts';
import { StepProblem } from '../ports.ts';
import type { KeptSources } from '../records/kept-sources.ts';

export interface PodTokens {
  /** By `<volume>/<path>`. Renews those that are due. Throws StepProblem for a missing one. */
  tokensOf(pod: Pod): Promise<ReadonlyMap<string, string>>;
  forget(podUid: string): void;
}

export interface PodTokensOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  /** Keeps answers over a restart of the agent; see records/kept-sources.ts. */
  readonly through?: KeptSources['through'];
}

interface Token {
  readonly text: string;
  readonly refreshAtMs: number;
  readonly expiresAtMs: number;
}

interface TokenProjection {
  readonly volume: string;
  readonly path: string;
  readonly audience: string;
  readonly seconds: number;
}

/** Kubernetes' default lifetime. */
const DEFAULT_SECONDS = 3_600;
/** The share of its life after which a token is renewed. */
const REFRESH_AFTER = 0.8;
/** A token is not used for longer than this, however long it lives. */
const MAX_AGE_MS = 24 * 3_600_000;
/** Spreads the renewals of pods that started together. */
const JITTER_MS = 10_000;

export function createPodTokens(options: PodTokensOptions): PodTokens {
  const { client, clock, rng } = options;
  const logger = options.logger.child({ component: 'service-account-tokens' });
  const through = options.through ?? ((_uid, _name, read) => read());
  const byPod = new Map<string, Map<string, Token>>();
  const shared = createSharedReads();

  async function fetch(pod: Pod, { audience, seconds }: TokenProjection, key: string): Promise<Token> {
    const { name, namespace = 'default', uid = '' } = pod.metadata;
    const account = pod.spec.serviceAccountName || 'default';
    const request = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      metadata: { name: account, namespace },
      spec: {
        audiences: audience === '' ? [] : [audience],
        expirationSeconds: seconds,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
      },
    };
    const answer = await through<KubeObject>(uid, `tokens/${key}`, () =>
      client.create<KubeObject>(resources.serviceAccounts, request, 'token'),
    );
    if (!answer) throw notFound(resources.serviceAccounts, account);
    const { text, expiresAtMs, lifeMs } = readAnswer(answer, seconds);
    const freshMs = Math.min(lifeMs * REFRESH_AFTER, MAX_AGE_MS) - rng.next() * JITTER_MS;
    return { text, expiresAtMs, refreshAtMs: expiresAtMs - lifeMs + freshMs };
  }

  async function tokenFor(pod: Pod, projection: TokenProjection): Promise<string> {
    const uid = pod.metadata.uid ?? '';
    const key = `${projection.audience} ${projection.seconds}`;
    const current = byPod.get(uid)?.get(key);
    if (current && clock.now() < current.refreshAtMs) return current.text;
    try {
      const token = await shared.join(`${uid} ${key}`, () => fetch(pod, projection, key));
      const tokens = byPod.get(uid) ?? new Map<string, Token>();
      byPod.set(uid, tokens.set(key, token));
      return token.text;
    } catch (error) {
      const isRefused = isStatusError(error, 'NotFound');
      if (current && clock.now() < current.expiresAtMs && !isRefused) {
        const fields = { pod: keyOf(pod), error: errorMessage(error) };
        logger[levelOf(error, 'info')](fields, 'Cannot renew a token yet');
        return current.text;
      }
      const message = `MountVolume.SetUp failed for volume "${projection.volume}" : failed to fetch token: ${errorMessage(error)}`;
      throw new StepProblem('FailedMount', message, { cause: error });
    }
  }

  return {
    async tokensOf(pod) {
      const projections = projectionsOf(pod);
      if (projections.length === 0) return new Map();
      const entryOf = async (projection: TokenProjection) =>
        [`${projection.volume}/${projection.path}`, await tokenFor(pod, projection)] as const;
      return new Map(await Promise.all(projections.map(entryOf)));
    },
    forget: (podUid) => void byPod.delete(podUid),
  };
}

/** For runtimes without files. A token that nothing reads would cost a request for each pod. */
export const pretendedTokens: PodTokens = {
  tokensOf: async (pod) =>
    new Map(projectionsOf(pod).map(({ volume, path }) => [`${volume}/${path}`, 'pretended'])),
  forget: () => undefined,
};

function projectionsOf(pod: Pod): readonly TokenProjection[] {
  return (pod.spec.volumes ?? []).flatMap(({ name: volume, projected }) =>
    (projected?.sources ?? []).flatMap(({ serviceAccountToken }): TokenProjection[] => {
      if (!serviceAccountToken) return [];
      const { path, audience = '', expirationSeconds: seconds = DEFAULT_SECONDS } = serviceAccountToken;
      return [{ volume, path, audience, seconds }];
    }),
  );
}

/** The answer names the lifetime that was granted: a very long one is shortened. */
function readAnswer({ spec, status }: KubeObject, askedSeconds: number) {
  const text = asString(getPath(status, 'token'));
  const expiresAtMs = Date.parse(asString(getPath(status, 'expirationTimestamp')));
  if (text === '' || Number.isNaN(expiresAtMs)) throw new Error('the answer holds no token');
  const seconds = asNumber(getPath(spec, 'expirationSeconds')) ?? askedSeconds;
  return { text, expiresAtMs, lifeMs: seconds * 1_000 };
}
