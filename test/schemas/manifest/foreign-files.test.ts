import { describe, expect, it } from 'vitest';
import { formatManifestError, readManifests, reportOrder } from '../../../src/schemas/manifest/index.ts';

const read = (path: string, contents: string | Uint8Array) =>
  readManifests({ path, bytes: typeof contents === 'string' ? Buffer.from(contents) : contents });
const SOPS = 'sops: {mac: "ENC[x]", lastmodified: "2026-01-01T00:00:00Z", version: 3.9.0}\n';
const MANIFEST = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n';

describe('a folder of another tool', () => {
  it.each([
    ['kustomization.yaml', 'resources: [a.yaml]\n'],
    ['kustomization.yml', 'bases: [../base]\n'],
    ['deep/down/Kustomization', 'namePrefix: a-\n'],
    ['kustomization.yaml', 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n'],
    ['kustomization.yaml', 'apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n'],
    ['kustomization.yaml', 'kind: Kustomization\nresources: [a.yaml]\n'],
    ['kustomization.yaml', 'metadata: {name: a}\nresources: [a.yaml]\n'],
    ['kustomization.yaml', ''],
    ['kustomization.yaml', '# nothing yet\n'],
    ['kustomization.yaml', 'resources: [\n'],
    ['kustomization.yaml', 'resources: !include list.yaml\n'],
    ['kustomization.yaml', 'resources: [{{ base }}]\n'],
    ['kustomization.yaml', '../base/kustomization.yaml'],
  ])('%s with %j is an error that says what to do', (path, text) => {
    const { errors, notManifest } = read(path, text);
    expect(notManifest).toBeUndefined();
    expect(errors.map(formatManifestError)).toEqual([
      `${path}:1:1: this directory is for kustomize, which Symphony does not run: commit what "kubectl kustomize" prints, or point --path (spec.source.path) at a folder of plain manifests`,
    ]);
    expect(errors[0]?.hint).toContain('spec.source.directory.exclude');
  });

  it('is none by a name that kustomize does not look for, nor for an object of Flux', () => {
    expect(read('my-kustomization.yaml', 'resources: [a]\n').notManifest).toBeDefined();
    const flux = 'apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a}\n';
    expect(read('kustomization.yaml', flux).documents).toHaveLength(1);
  });

  it('a Helm chart is one error, not one for each template', () => {
    const chart = read('app/Chart.yaml', 'apiVersion: v2\nname: shop\nversion: 1.0.0\n');
    const template = read('app/templates/web.yaml', `${MANIFEST}data: {{ .Values.data }}\n`);
    const other = read('other.yaml', 'kind: [');
    expect(template.errors).toHaveLength(1);
    expect(read('app/values.yaml', 'image: x\n')).toMatchObject({ notManifest: /Helm chart/ });
    const definition = read('app/crds/a.yaml', 'kind: [');
    const parts = [...template.errors, ...definition.errors];
    expect(parts).toHaveLength(2);
    const errors = reportOrder([...other.errors, ...parts, ...chart.errors]);
    expect(errors.map(({ file }) => file)).toEqual(['app/Chart.yaml', 'other.yaml']);
    expect(errors[0]?.message).toContain('a Helm chart');
    expect(errors[0]?.hint).toContain('exclude: "*app/*"');
  });
});

it.each([
  ['app/Chart.yaml', ''],
  ['app/Chart.yaml', 'version: 1.0.0\n'],
  ['app/Chart.yaml', 'name: {{ name }}\n'],
  ['app/Chart.yaml', '../shop/Chart.yaml'],
])('%s with %j is a chart, too', (path, text) => {
  expect(read(path, text).errors).toMatchObject([{ folder: 'chart', line: 1, column: 1 }]);
});

it('a chart at the root of a repository lies below no folder that could be left out', () => {
  expect(read('Chart.yaml', 'name: shop\n').errors[0]).not.toHaveProperty('hint');
});

describe('a file that hides its contents is an error by name', () => {
  it.each<[string, string | Uint8Array]>([
    ['git-crypt', new Uint8Array([0, 71, 73, 84, 67, 82, 89, 80, 84, 0, 0xff, 0xfe, 1])],
    ['encrypted with age', 'age-encryption.org/v1\n-> X25519 abc\n'],
    ['encrypted with age', '-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n'],
    ['PGP', '\n-----BEGIN PGP MESSAGE-----\n\nabc\n'],
    ['Ansible Vault', '$ANSIBLE_VAULT;1.1;AES256\n3131\n'],
    ['Ansible Vault', '\ufeff$ANSIBLE_VAULT;1.1;AES256\r\n3131\r\n'],
    ['transcrypt', 'U2FsdGVkX1+zQ3k0dG9tZQ==\n'],
    ['strongbox', '# STRONGBOX ENCRYPTED RESOURCE ; see elsewhere\nAbCd==\n'],
    ['Git LFS', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\n'],
    ['binary', new Uint8Array([0x1f, 0x8b, 8, 0, 0])],
    ['binary', 'PK\x03\x04abc'],
    ['SOPS', `apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {a: "ENC[x]"}\n${SOPS}`],
    ['SOPS', `apiVersion: "ENC[a]"\nkind: "ENC[b]"\n${SOPS}`],
    ['SOPS', `data: "ENC[everything]"\n${SOPS}`],
    ['SOPS', `${MANIFEST}---\napiVersion: v1\nkind: Secret\nmetadata: {name: a}\n${SOPS}`],
  ])('%s', (name, contents) => {
    const { errors, documents } = read('secret.yaml', contents);
    expect(documents).toEqual([]);
    expect(errors).toHaveLength(1);
    expect(errors[0]?.message).toContain(name);
    expect(errors[0]?.hint).toBeDefined();
  });
});

describe('a file of another tool is passed over with its name', () => {
  it.each([
    ['values.yaml', 'image: x\n', 'values of a Helm chart'],
    ['values-prod.yml', 'a: {{ x }}\n', 'values of a Helm chart'],
    ['docker-compose.yml', 'services: {web: {image: x}}\n', 'a Compose file'],
    ['stack.yaml', "version: '3'\nservices: {web: {image: x}}\n", 'a Compose file'],
    ['.github/workflows/ci.yaml', 'on: push\njobs: {}\n', 'a GitHub workflow'],
    ['ci.yaml', 'on: push\njobs: {}\n', 'a GitHub workflow'],
    ['cf.yaml', 'Resources: {a: {Type: !Ref b}}\n', 'the tag !Ref'],
    ['group.yaml', 'password: !vault |\n  abc\n', 'the tag !vault'],
    ['mkdocs.yml', 'x: !!python/name:material.x\n', 'the tag !!python/name:material.x'],
    ['patch.yaml', '- {op: add, path: /a, value: 1}\n', 'a JSON patch'],
    ['secrets.yaml', `password: "ENC[x]"\n${SOPS}`, 'data encrypted with SOPS'],
    ['link.yaml', '../base/web.yaml\n', 'a symbolic link'],
    ['x.yaml', 'a: b\n', 'no document has apiVersion'],
    ['index.yaml', 'apiVersion: v1\nentries: {}\n', 'the index of a Helm repository'],
    ['drone.yml', 'kind: pipeline\nsteps: []\n', 'no document has apiVersion'],
    ['sbom.json', '{"bomFormat": "CycloneDX", "metadata": {}}', 'no document has apiVersion'],
    ['token.yaml', 'eyJhbGciOiJSU0EifQ.OKOawDo\n', 'plain text'],
    ['link.yaml', 'web.yaml\n', 'a symbolic link'],
    ['main.jsonnet', '{apiVersion: "v1", kind: "ConfigMap"}', 'Jsonnet'],
    ['a.yaml', `# +argocd:skip-file-rendering\n${MANIFEST}`, 'it says +argocd:skip-file-rendering'],
  ])('%s with %j', (path, text, name) => {
    const { errors, documents, notManifest } = read(path, text);
    expect({ errors, documents }).toEqual({ errors: [], documents: [] });
    expect(notManifest).toContain(name);
  });

  it.each([
    ['values.yaml', MANIFEST],
    ['docker-compose.yaml', MANIFEST],
    ['.github/workflows/a.yaml', MANIFEST],
  ])('but a manifest is one by any name: %s', (path, text) =>
    expect(read(path, text).documents).toHaveLength(1),
  );

  it.each([
    ['values.yaml', `${MANIFEST}data: {{ x }}\n`],
    ['a.yaml', `${MANIFEST}data: {a: !vault b}\n`],
    ['a.json', '{"apiVersion": "v1", "kind": '],
    ['a.yaml', 'a: [\n'],
  ])('and what cannot be read is an error where it may be a manifest: %s with %j', (path, text) =>
    expect(read(path, text).errors).toHaveLength(1),
  );
});
