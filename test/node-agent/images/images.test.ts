import { describe, expect, it, vi } from 'vitest';
import { silentLogger } from '../../../src/base/logger.ts';
import { seededRng } from '../../../src/base/rng.ts';
import { createImageManager } from '../../../src/node-agent/images/create-image-manager.ts';
import { defaultPullPolicy } from '../../../src/node-agent/images/plan-image.ts';
import {
  parseImagePullSecret,
  planRegistryAuths,
} from '../../../src/node-agent/images/plan-registry-auth.ts';
import { formatImageReference, parseImageReference } from '../../../src/node-agent/images/reference.ts';
import { createFakeRuntime } from '../../../src/node-agent/runtime/fake/create-fake-runtime.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

describe('image references', () => {
  it.each([
    ['nginx', 'docker.io/library/nginx:latest'],
    ['nginx:1.27', 'docker.io/library/nginx:1.27'],
    ['user/app', 'docker.io/user/app:latest'],
    ['localhost/app', 'localhost/app:latest'],
    ['r.example:5000/a/b:v1', 'r.example:5000/a/b:v1'],
    [`app@sha256:${'a'.repeat(64)}`, `docker.io/library/app@sha256:${'a'.repeat(64)}`],
  ])('reads %s as %s', (text, whole) => {
    expect(formatImageReference(parseImageReference(text)!)).toBe(whole);
  });

  it.each(['', 'Nginx', 'a b', 'a:', '/a', 'a//b', 'a@sha256:xyz', '-a', 'https://r.example/a'])(
    'refuses %j',
    (text) => {
      expect(parseImageReference(text)).toBeUndefined();
    },
  );

  it('pulls latest always, and what is pinned only when it is missing', () => {
    expect([defaultPullPolicy('a'), defaultPullPolicy('a:latest'), defaultPullPolicy('a:1')]).toEqual([
      'Always',
      'Always',
      'IfNotPresent',
    ]);
  });
});

describe('pull secrets', () => {
  const secretOf = (auths: object) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 's' },
    data: { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') },
  });

  it('offers the credentials that fit, the most specific first', () => {
    const credentials = parseImagePullSecret(
      secretOf({
        'https://index.docker.io/v1/': { auth: Buffer.from('hub:p:w').toString('base64') },
        'r.example': { username: 'all', password: 'x' },
        'r.example/team': { username: 'team', password: 'y' },
        'other.example': { username: 'no', password: 'z' },
        broken: { auth: 'AA==' },
      }),
    );
    const usersFor = (image: string) =>
      planRegistryAuths(parseImageReference(image)!, credentials).map(({ username }) => username);
    expect(usersFor('r.example/team/app')).toEqual(['team', 'all']);
    expect(usersFor('r.example/else')).toEqual(['all']);
    expect(usersFor('nginx')).toEqual(['hub']);
    expect(credentials.find(({ username }) => username === 'hub')?.password).toBe('p:w');
  });

  it('reads nothing out of a secret that is none', () => {
    const broken = { ...secretOf({}), data: { '.dockerconfigjson': 'bm90IGpzb24=' } };
    expect(parseImagePullSecret(broken)).toEqual([]);
  });
});

describe('image manager', () => {
  const setUp = (available: () => boolean) => {
    const clock = createFakeClock();
    const pulls: string[] = [];
    const runtime = createFakeRuntime({
      clock,
      rng: seededRng(1),
      cluster: 'c',
      node: 'n',
      latencies: { pullMs: 1000 },
      pullable: (reference) => {
        pulls.push(reference);
        return available();
      },
    });
    const images = createImageManager({ runtime, clock, logger: silentLogger });
    const ensure = async (image: string, policy?: 'Always' | 'IfNotPresent' | 'Never') => {
      const events: string[] = [];
      const promise = images.ensure({
        image,
        policy,
        credentials: [],
        onEvent: ({ reason, message }) => events.push(`${reason}: ${message}`),
      });
      await clock.advance(2000);
      return { result: await promise, events };
    };
    return { clock, runtime, images, ensure, pulls };
  };

  it('pulls a missing image once for all who wait for it', async () => {
    const { ensure, pulls } = setUp(() => true);
    const all = await Promise.all([ensure('app:1'), ensure('app:1'), ensure('docker.io/library/app:1')]);
    expect(all.every(({ result }) => result.ok)).toBe(true);
    expect(pulls).toEqual(['app:1']);
    expect((await ensure('app:1')).events).toEqual([
      'Pulled: Container image "app:1" already present on machine',
    ]);
  });

  it('looks for an image once for all who ask meanwhile', async () => {
    const { runtime, ensure } = setUp(() => false);
    runtime.images.add('app:1');
    const looks = vi.spyOn(runtime, 'findImage');
    const all = await Promise.all(Array.from({ length: 10 }, () => ensure('app:1')));
    expect(all.every(({ result }) => result.ok)).toBe(true);
    expect(looks).toHaveBeenCalledTimes(2);
  });

  it('never pulls under the policy Never', async () => {
    const { ensure, pulls } = setUp(() => true);
    expect((await ensure('app:1', 'Never')).result).toMatchObject({
      reason: 'ErrImageNeverPull',
      message: 'Container image "app:1" is not present with pull policy of Never',
    });
    expect(pulls).toEqual([]);
  });

  it('fails under the policy Always when the registry does, although the image is here', async () => {
    const { runtime, ensure } = setUp(() => false);
    runtime.images.add('app:1');
    expect((await ensure('app:1', 'Always')).result).toMatchObject({ ok: false, reason: 'ErrImagePull' });
  });

  it('backs off from 10 s, doubling, and forgets it after a success', async () => {
    let available = false;
    const { clock, ensure, pulls } = setUp(() => available);
    const first = await ensure('app:1');
    expect(first.result).toMatchObject({ reason: 'ErrImagePull', retryAfterMs: 10_000 });
    const second = await ensure('app:1');
    expect(second.result).toMatchObject({ reason: 'ImagePullBackOff' });
    expect(!second.result.ok && second.result.message).toMatch(
      /^Back-off pulling image "app:1": ErrImagePull: /,
    );
    expect(pulls).toHaveLength(1);
    await clock.advance(10_000);
    expect((await ensure('app:1')).result).toMatchObject({ reason: 'ErrImagePull', retryAfterMs: 20_000 });
    available = true;
    await clock.advance(20_000);
    expect((await ensure('app:1')).result.ok).toBe(true);
  });

  it('says that a name is none', async () => {
    const { ensure } = setUp(() => true);
    expect((await ensure('Not An Image')).result).toMatchObject({ reason: 'InvalidImageName' });
  });
});
