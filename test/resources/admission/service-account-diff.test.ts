/** The server's additions to a pod for its service account are no drift of the pod in Git. */
import { describe, expect, it } from 'vitest';
import { withServiceAccount } from '../../../src/resources/admission/plan-service-account.ts';
import { planChangeSet } from '../../../src/diff/change-set.ts';
import { createDesiredSet } from '../../../src/diff/desired-set.ts';
import { podKind } from '../../../src/schemas/kinds/pod/kind.ts';
import { prepareCreate } from '../../../src/schemas/strategy/index.ts';
import type { Pod } from '../../../src/schemas/types.ts';

const options = {
  application: 'symphony-system/root',
  prune: true,
  allowEmpty: false,
  historyComplete: true,
  syncOptions: [],
  ignore: [],
} as const;

const inGit = (spec: Partial<Pod['spec']> = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'tool', namespace: 'default' },
  spec: {
    containers: [{ name: 'c', image: 'img:1', volumeMounts: [{ name: 'own', mountPath: '/own' }] }],
    initContainers: [{ name: 'i', image: 'img:1' }],
    volumes: [{ name: 'own', emptyDir: {} }],
    ...spec,
  },
});

const account = {
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name: 'default', namespace: 'default' },
  imagePullSecrets: [{ name: 'registry' }],
};

function changesOf(desired: Pod, live: Pod | undefined) {
  const wanted = createDesiredSet([{ kind: podKind, object: desired, origin: 'a.yaml:1' }]);
  return planChangeSet(wanted, () => live, live ? [{ kind: podKind, object: live }] : [], options).changes;
}

/** As the server stores what the sync worker creates. */
function stored(pod: Pod): Pod {
  const [change] = changesOf(pod, undefined);
  const admitted = withServiceAccount(podKind.withDefaults(change?.object ?? pod) as Pod, 'default', account);
  return prepareCreate(podKind, admitted, { nowMs: 0, uid: 'u1', nameSuffix: 'abcde' }) as Pod;
}

describe('a pod in Git', () => {
  it.each([
    ['with volumes of its own', inGit()],
    ['without any', inGit({ containers: [{ name: 'c', image: 'img:1' }], volumes: [], initContainers: [] })],
  ])('%s is not changed by the token that its containers get', (_what, pod) => {
    const live = stored(pod);
    expect(live.spec.volumes?.some(({ name }) => name.startsWith('kube-api-access-'))).toBe(true);
    expect(changesOf(pod, live).map(({ action }) => action)).toEqual(['noop']);
  });

  it('keeps the token when something else of it changes', () => {
    const live = stored(inGit());
    const next = inGit({
      containers: [{ name: 'c', image: 'img:2', volumeMounts: [{ name: 'own', mountPath: '/own' }] }],
    });
    const [change] = changesOf(next, live);
    const updated = change?.object as Pod;
    expect(change?.action).toBe('update');
    expect(updated.spec.containers[0]?.image).toBe('img:2');
    expect(updated.spec.volumes).toEqual(live.spec.volumes);
    expect(updated.spec.containers[0]?.volumeMounts).toEqual(live.spec.containers[0]?.volumeMounts);
  });
});
