import { describe, expect, test } from 'vitest';
import {
  formatManifestError,
  readManifests,
  validateManifests,
} from '../../../src/schemas/manifest/index.ts';
import { builtinRegistry } from '../../../src/schemas/registry.ts';

function validate(...texts: string[]) {
  const documents = texts.flatMap((text, index) => {
    const result = readManifests({ path: `${index}.yaml`, bytes: new TextEncoder().encode(text) });
    expect(result.errors).toEqual([]);
    return result.documents;
  });
  return validateManifests(documents, builtinRegistry, { defaultNamespace: 'shop' });
}
const messages = (...texts: string[]): string[] => validate(...texts).errors.map(formatManifestError);
const configMap = (name: string, more = ''): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n${more}`;
const podWith = (fields: string): string =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - name: a\n    image: b\n    ${fields}\n`;

describe('validateManifests', () => {
  test('gives the object as written, with its namespace, and without defaults', () => {
    const { objects, errors } = validate(podWith('env: [{name: A, value: null}]'));
    expect(errors).toEqual([]);
    expect(objects[0]?.object).toEqual({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'a', namespace: 'shop' },
      spec: { containers: [{ name: 'a', image: 'b', env: [{ name: 'A' }] }] },
    });
  });

  test('accepts what the API accepts, and refuses what it refuses, by the same rules', () => {
    const limits = 'apiVersion: v1\nkind: LimitRange\nmetadata: {name: a}\n';
    const service = (spec: string): string =>
      `apiVersion: v1\nkind: Service\nmetadata: {name: 1a}\nspec:\n  ports: [{port: 80, protocol: ""}]\n  ${spec}\n`;
    expect(messages(limits)).toEqual([]);
    expect(messages(service('type: ""'))).toEqual([]);
    expect(messages(service('loadBalancerClass: a/b'))).toEqual([
      "0.yaml:6:3: spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'",
    ]);
    expect(messages(`${limits}spec: {limits: [{type: Pod, max: {cpu: x}}]}\n`)[0]).toMatch(
      /^0\.yaml:4:35: spec\.limits\[0\]\.max\[cpu\]: Invalid value: "x": quantities must match/,
    );
  });

  test('names the line of every error', () => {
    expect(messages(podWith('imagee: c'))).toEqual([
      '0.yaml:8:5: spec.containers[0].imagee: unknown field "imagee", did you mean "image"?',
    ]);
    expect(messages(configMap('Upper'))[0]).toMatch(/^0\.yaml:4:3: metadata\.name: Invalid value: "Upper": /);
    expect(messages(podWith('resources: {limits: {memory: 1Gi, hugepages-2Mi: 1Gi}}'))).toEqual([
      '0.yaml:8:39: spec.containers[0].resources.limits[hugepages-2Mi]: not implemented by Symphony: huge pages are not given to containers; remove them',
    ]);
  });

  test('a kustomization says that nobody builds it here', () => {
    const { errors } = validate('apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n');
    expect(errors[0]?.message).toContain('commit what "kubectl kustomize" prints');
    expect(errors[0]?.hint).toContain('exclude: "0.yaml"');
  });

  test('an old version of a kind that is not served says which one is', () => {
    const { errors } = validate('apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: a}\n');
    expect(errors[0]?.hint).toBe('use apiVersion: networking.k8s.io/v1');
  });

  test('an unknown kind says what there is', () => {
    const { errors } = validate(
      'apiVersion: apps/v1\nkind: Deploymnet\n',
      'apiVersion: apps/v1beta1\nkind: Deployment\n',
      'apiVersion: batch.k8s.io/v9\nkind: Whatever\n',
      'apiVersion: example.com/v1\nkind: Whatever\n',
    );
    expect(errors.map((error) => error.hint)).toEqual([
      'did you mean "Deployment"?',
      'use apiVersion: apps/v1',
      expect.stringMatching(/^supported: Application, /),
      'add the definition of kind Whatever in group example.com, or correct what is wrong with it',
    ]);
    expect(errors[3]?.message).toBe(
      'kind "Whatever" of "example.com/v1" is not known: no CustomResourceDefinition defines it, here or in the cluster',
    );
  });

  test('one object in two files names both places', () => {
    expect(messages(configMap('a'), configMap('b'), configMap('a'))).toEqual([
      '2.yaml:4:3: metadata.name: ConfigMap "shop/a" is written twice, first at 0.yaml:1:1',
    ]);
    expect(messages(configMap('a'), configMap('a', '  namespace: other\n'))).toEqual([]);
  });

  test('a namespace on a cluster-scoped object is a warning', () => {
    const { objects, warnings } = validate(
      'apiVersion: v1\nkind: Namespace\nmetadata: {name: a, namespace: b}\n',
    );
    expect(objects[0]?.object.metadata).toEqual({ name: 'a' });
    expect(warnings.map(formatManifestError)).toEqual([
      '0.yaml:3:21: metadata.namespace: Namespace is cluster-scoped; its namespace "b" is ignored',
    ]);
  });

  test.each([
    ['no metadata', 'apiVersion: v1\nkind: ConfigMap\n'],
    ['metadata of a wrong type', 'apiVersion: v1\nkind: ConfigMap\nmetadata: 3\n'],
    ['a name of 254 characters', configMap('a'.repeat(254))],
    ['a name with ..', configMap('a..b')],
    ['a name that starts with -', configMap('-x')],
    ['a homoglyph', configMap('аpp')],
    ['a name with ANSI codes', configMap('"a\\e[31m"')],
    ['a name with a line feed', configMap('"a\\nb"')],
    ['annotations beyond 256 KiB', configMap('a', `  annotations: {x: ${'y'.repeat(262_145)}}\n`)],
    [
      'an object beyond 1.5 MiB',
      configMap('a', `data: {a: ${'x'.repeat(1_000_000)}, b: ${'y'.repeat(1_000_000)}}\n`),
    ],
    ['port 0', podWith('ports: [{containerPort: 0}]')],
    ['port 65536', podWith('ports: [{containerPort: 65536}]')],
    ['a negative quantity', podWith('resources: {requests: {cpu: "-1"}}')],
    ['a quantity that is none', podWith('resources: {requests: {memory: 1x}}')],
    ['a template', podWith('env: [{name: A, value: 3}]')],
    [
      'a Job whose name is made at every sync',
      'apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: a-}\nspec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: a}]}}}\n',
    ],
    ['a name made at every sync', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: a-}\n'],
  ])('%s is refused with its line', (_, text) => {
    const { objects, errors } = validate(text);
    expect(objects).toEqual([]);
    expect(errors).toHaveLength(1);
    expect(errors[0]?.line).toBeGreaterThanOrEqual(1);
  });
});
