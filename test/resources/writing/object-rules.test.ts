import { expect, it } from 'vitest';
import { podKind } from '../../../src/schemas/kinds/pod/kind.ts';
import { applicationKind } from '../../../src/schemas/kinds/application/kind.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { prepareCreate } from '../../../src/schemas/strategy/index.ts';
import { checkNew, checkUpdate } from '../../../src/resources/writing/object-rules.ts';

const CONTEXT = { nowMs: 0, uid: 'u', nameSuffix: 'abcde' };

function stored(spec: Readonly<Record<string, unknown>>, labels: Record<string, string> = {}): KubeObject {
  const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', namespace: 'n', labels }, spec };
  const pod = prepareCreate(podKind, object, CONTEXT);
  return { ...pod, metadata: { ...pod.metadata, resourceVersion: '1' } };
}

it('what an earlier version took does not stand in the way of other changes', () => {
  // Accepted before the profile's path was looked at.
  const old = {
    containers: [{ name: 'c', image: 'i' }],
    securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: '/a' } },
  };
  expect(() => {
    checkUpdate(podKind, stored(old, { new: 'label' }), stored(old), undefined, []);
  }).not.toThrow();
  const worse = { ...old, hostname: 'A' };
  expect(() => {
    checkUpdate(podKind, stored(worse), stored(old), undefined, []);
  }).toThrow(/spec.hostname: Invalid value: "A"(?!.*localhostProfile)/s);
});

it('pods with what is not implemented are kept, applications are not', () => {
  const pod = stored({ hostUsers: false, containers: [{ name: 'c', image: 'i' }] });
  expect(() => {
    checkNew(podKind, pod, []);
  }).not.toThrow();
  const application = {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Application',
    metadata: { name: 'a', namespace: 'n' },
    spec: {
      project: 'default',
      destination: { server: 'https://kubernetes.default.svc', namespace: 'n' },
      source: {
        repoURL: 'https://example.com/r.git',
        path: '.',
        targetRevision: 'main',
        helm: { values: 'a: b' },
      },
    },
  };
  expect(() => {
    checkNew(applicationKind, application, []);
  }).toThrow(/spec.source.helm: Forbidden: not implemented by Symphony/);
});
