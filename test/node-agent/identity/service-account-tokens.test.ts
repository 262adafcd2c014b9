import { beforeEach, describe, expect, it } from 'vitest';
import { TransientError } from '../../../src/base/errors.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { seededRng } from '../../../src/base/rng.ts';
import type { ApiClient } from '../../../src/client/types.ts';
import { createPodTokens, type PodTokens } from '../../../src/node-agent/identity/service-account-tokens.ts';
import { StepProblem } from '../../../src/node-agent/ports.ts';
import { toRfc3339 } from '../../../src/base/clock.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { notFound } from '../../../src/schemas/errors/status.ts';
import type { Pod } from '../../../src/schemas/types.ts';
import { aPod } from '../../support/builders.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';

type Request = KubeObject & {
  spec: { audiences: string[]; expirationSeconds: number; boundObjectRef: Record<string, string> };
};

/** The server shortens what is longer. */
const LONGEST_SECONDS = 365 * 24 * 3_600;

let clock: FakeClock;
let requests: Request[];
let failure: Error | undefined;
let tokens: PodTokens;

beforeEach(() => {
  clock = createFakeClock();
  requests = [];
  failure = undefined;
  const client = {
    async create(resource: { plural: string }, object: KubeObject, subresource?: string) {
      if (failure) throw failure;
      const request = object as Request;
      requests.push(request);
      expect(`${resource.plural}/${subresource ?? ''}`).toBe('serviceaccounts/token');
      const { audiences } = request.spec;
      const expirationSeconds = Math.min(request.spec.expirationSeconds, LONGEST_SECONDS);
      const expirationTimestamp = toRfc3339(clock.now() + expirationSeconds * 1_000);
      const token = `${audiences.join('+')}#${requests.length}`;
      const spec = { ...request.spec, expirationSeconds };
      return { ...request, spec, status: { token, expirationTimestamp } };
    },
  } as unknown as ApiClient;
  tokens = createPodTokens({ client, clock, rng: seededRng(1), logger: silentLogger });
});

const projected = (
  name: string,
  ...sources: { path: string; audience?: string; expirationSeconds?: number }[]
) => ({
  name,
  projected: { sources: sources.map((serviceAccountToken) => ({ serviceAccountToken })) },
});
const podWith = (...volumes: NonNullable<Pod['spec']['volumes']>): Pod =>
  aPod({ name: 'web', spec: { serviceAccountName: 'builder', volumes } });

describe('the tokens of a pod', () => {
  it('are asked for as the pod, once for each audience and lifetime', async () => {
    const pod = podWith(
      projected('a', { path: 'token', expirationSeconds: 3_607 }, { path: 'v', audience: 'vault' }),
      projected('b', { path: 'token', expirationSeconds: 3_607 }),
    );
    expect(await tokens.tokensOf(pod)).toEqual(
      new Map([
        ['a/token', '#1'],
        ['a/v', 'vault#2'],
        ['b/token', '#1'],
      ]),
    );
    const { name, namespace, uid } = pod.metadata;
    expect(requests.map(({ metadata, spec }) => [metadata, spec])).toEqual([
      [
        { name: 'builder', namespace },
        {
          audiences: [],
          expirationSeconds: 3_607,
          boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
        },
      ],
      [
        { name: 'builder', namespace },
        {
          audiences: ['vault'],
          expirationSeconds: 3_600,
          boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
        },
      ],
    ]);
  });

  it('are not requested again at each refresh where the server has shortened their life', async () => {
    const pod = podWith(projected('a', { path: 'token', expirationSeconds: 2 * LONGEST_SECONDS }));
    await tokens.tokensOf(pod);
    await clock.advance(60_000);
    expect(await tokens.tokensOf(pod)).toEqual(new Map([['a/token', '#1']]));
    await clock.advance(24 * 3_600_000);
    expect(await tokens.tokensOf(pod)).toEqual(new Map([['a/token', '#2']]));
  });

  it('cost nothing where none is wanted', async () => {
    await tokens.tokensOf(podWith({ name: 'a', emptyDir: {} }));
    expect(requests).toEqual([]);
  });

  it('are renewed after four fifths of their life', async () => {
    const pod = podWith(projected('a', { path: 'token', expirationSeconds: 3_600 }));
    await tokens.tokensOf(pod);
    await clock.advance(2_860_000);
    expect((await tokens.tokensOf(pod)).get('a/token')).toBe('#1');
    await clock.advance(20_000);
    expect((await tokens.tokensOf(pod)).get('a/token')).toBe('#2');
  });

  it('are used for a day at the most', async () => {
    const pod = podWith(projected('a', { path: 'token', expirationSeconds: 1_000_000 }));
    await tokens.tokensOf(pod);
    await clock.advance(24 * 3_600_000);
    expect((await tokens.tokensOf(pod)).get('a/token')).toBe('#2');
  });

  it('serve on while the control plane is away, until they end', async () => {
    const pod = podWith(projected('a', { path: 'token', expirationSeconds: 3_600 }));
    await tokens.tokensOf(pod);
    failure = new TransientError('Cannot reach it');
    await clock.advance(3_500_000);
    expect((await tokens.tokensOf(pod)).get('a/token')).toBe('#1');
    await clock.advance(100_000);
    await expect(tokens.tokensOf(pod)).rejects.toThrow('Cannot reach it');
  });

  it('hold the pod back when they are not to be had, in the words of a failed mount', async () => {
    failure = notFound({ group: '', plural: 'serviceaccounts' }, 'builder');
    const asked = tokens.tokensOf(podWith(projected('kube-api-access-x2b4c', { path: 'token' })));
    await expect(asked).rejects.toBeInstanceOf(StepProblem);
    await expect(asked).rejects.toThrow(
      'MountVolume.SetUp failed for volume "kube-api-access-x2b4c" : failed to fetch token: serviceaccounts "builder" not found',
    );
  });

  it('are forgotten with the pod', async () => {
    const pod = podWith(projected('a', { path: 'token' }));
    await tokens.tokensOf(pod);
    tokens.forget(pod.metadata.uid ?? '');
    expect((await tokens.tokensOf(pod)).get('a/token')).toBe('#2');
  });
});
