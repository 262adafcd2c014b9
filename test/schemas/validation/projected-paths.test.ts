import { describe, expect, it } from 'vitest';
import { kindNamed } from '../../api/test-api.ts';

const pod = kindNamed('Pod');

/** The errors of a pod with one volume, as `path: detail`. */
function errorsOf(volume: object): readonly string[] {
  const object = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'default' },
    spec: { containers: [{ name: 'c', image: 'web:1' }], volumes: [{ name: 'v', ...volume }] },
  };
  return pod.validate(pod.withDefaults(object)).map(({ path, detail }) => `${path}: ${detail ?? ''}`);
}

const fieldRef = { fieldPath: 'metadata.name' };
/**
 * Every place where a pod names a file that the agent writes into a volume. Upstream names items of
 * downwardAPI without their place, and tokens without their source.
 */
const places: readonly (readonly [string, (path: string) => object])[] = [
  [
    'spec.volumes[0].projected.path',
    (path) => ({ projected: { sources: [{ serviceAccountToken: { path } }] } }),
  ],
  [
    'spec.volumes[0].projected.sources[0].secret.items[0].path',
    (path) => ({ projected: { sources: [{ secret: { name: 'x', items: [{ key: 'k', path }] } }] } }),
  ],
  [
    'spec.volumes[0].projected.sources[0].configMap.items[0].path',
    (path) => ({ projected: { sources: [{ configMap: { name: 'x', items: [{ key: 'k', path }] } }] } }),
  ],
  [
    'spec.volumes[0].projected.sources[0].downwardAPI.path',
    (path) => ({ projected: { sources: [{ downwardAPI: { items: [{ path, fieldRef }] } }] } }),
  ],
  [
    'spec.volumes[0].secret.items[0].path',
    (path) => ({ secret: { secretName: 'x', items: [{ key: 'k', path }] } }),
  ],
  [
    'spec.volumes[0].configMap.items[0].path',
    (path) => ({ configMap: { name: 'x', items: [{ key: 'k', path }] } }),
  ],
  ['spec.volumes[0].downwardAPI.path', (path) => ({ downwardAPI: { items: [{ path, fieldRef }] } })],
];

describe.each(places)('%s', (at, volume) => {
  it.each([
    ['../x', "must not contain '..'"],
    ['a/../../x', "must not contain '..'"],
    ['a/..', "must not contain '..'"],
    ['/x', 'must be a relative path'],
    ['..data', "must not start with '..'"],
    ['..x/y', "must not start with '..'"],
  ])('refuses %s', (path, why) => expect(errorsOf(volume(path))).toContain(`${at}: ${why}`));

  it.each(['token', 'a/b', 'a..b', '.hidden'])('takes %s', (path) =>
    expect(errorsOf(volume(path))).toEqual([]),
  );
});
