/**
 * Files of tools beside the cluster, found by their name or by the group of their objects. Nothing
 * in a cluster reads them, and some mean that the files around them cannot be applied as they are.
 * Pure.
 */
import { isRecord } from '../../base/json.ts';
import { asString } from '../json-access.ts';

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** The names that kustomize looks for, and the one that Helm looks for. */
const KUSTOMIZATION = /^(?:kustomization\.ya?ml|Kustomization)$/;
const CHART = 'Chart.yaml';
export const KUSTOMIZE_GROUP = 'kustomize.config.k8s.io';

/** Argo CD reads these files of a directory, and `Kustomization`, so that none is skipped. */
export function isManifestPath(path: string): boolean {
  return /\.(?:ya?ml|json|jsonnet)$/i.test(path) || baseName(path) === 'Kustomization';
}

/** A folder that belongs to another tool. */
export interface ToolFolder {
  readonly message: string;
  readonly hint?: string;
  readonly folder: 'kustomize' | 'chart';
}

/**
 * Whether a file of this name makes its folder another tool's, whatever it holds. A symbolic link
 * does so too: the tool follows it.
 */
export const hasToolName = (path: string): boolean =>
  KUSTOMIZATION.test(baseName(path)) || baseName(path) === CHART;

/** `values` are the documents of the file; undefined for one that cannot be read. */
export function toolFolderOf(path: string, values: readonly unknown[]): ToolFolder | undefined {
  const name = baseName(path);
  if (KUSTOMIZATION.test(name) && values.every(isKustomization)) return kustomizeFolder(path);
  const isChart = name === CHART && values.every((value) => !isRecord(value) || !('kind' in value));
  return isChart ? chartFolder(path) : undefined;
}

/** Its apiVersion and kind may be missing; objects of Flux in such a file have both. */
function isKustomization(value: unknown): boolean {
  if (!isRecord(value)) return true;
  const { apiVersion, kind } = value;
  return !kind || !apiVersion || asString(apiVersion).startsWith(`${KUSTOMIZE_GROUP}/`);
}

export const PLAIN_FOLDER = 'point --path (spec.source.path) at a folder of plain manifests';

/** A pattern that matches the file, below whatever folder: `*` matches slashes, too. */
export const excludeOption = (path: string): string =>
  `spec.source.directory.exclude: "${path.includes('/') ? '*' : ''}${baseName(path)}"`;

export const kustomizeFolder = (path: string): ToolFolder & { readonly hint: string } => ({
  message: `this directory is for kustomize, which Symphony does not run: commit what "kubectl kustomize" prints, or ${PLAIN_FOLDER}`,
  hint: `to read the files as they are, leave this one out: ${excludeOption(path)}`,
  folder: 'kustomize',
});

function chartFolder(path: string): ToolFolder {
  const folder = baseName(path.slice(0, -`/${CHART}`.length));
  return {
    message: `this directory is a Helm chart, which Symphony does not render: commit what "helm template" prints, or ${PLAIN_FOLDER}`,
    // The root of a repository lies below no folder.
    ...(folder === ''
      ? {}
      : { hint: `to leave out a chart below the folder: spec.source.directory.exclude: "*${folder}/*"` }),
    folder: 'chart',
  };
}

/** By apiVersion: programs for a workstation or a build, and the configuration of programs. */
const CLIENT_TOOLS: readonly (readonly [RegExp, string])[] = [
  [/^builtin$/, 'kustomize'],
  [/^kind\.x-k8s\.io\//, 'kind'],
  [/^k3d\.io\//, 'k3d'],
  [/^ctlptl\.dev\//, 'ctlptl'],
  [/^skaffold\//, 'Skaffold'],
  [/^eksctl\.io\//, 'eksctl'],
  [/^kops\.k8s\.io\//, 'kOps'],
  [/^k0sctl\.k0sproject\.io\//, 'k0sctl'],
  [/^kubeadm\.k8s\.io\//, 'kubeadm'],
  [/^audit\.k8s\.io\//, 'the audit log of kube-apiserver'],
  [
    /^(?:kubelet|kubeproxy|kubescheduler|kubecontrollermanager|apiserver)\.config\.k8s\.io\//,
    'a component of Kubernetes',
  ],
  [/^client\.authentication\.k8s\.io\//, 'kubectl'],
  [/^node\.eks\.aws\//, 'the nodes of EKS'],
  [/^backstage\.io\//, 'Backstage'],
  [/^tanka\.dev\//, 'Tanka'],
  [/^(?:kpt|fn\.kpt|config\.kpt)\.dev\//, 'kpt'],
  [/^(?:kapp|kbld|vendir|imgpkg|ytt)\.(?:k14s\.io|carvel\.dev)\//, 'Carvel'],
  [/^(?:cli|chainsaw)\.kyverno\.io\//, "Kyverno's tests"],
  [/^kuttl\.dev\//, 'kuttl'],
  [/^score\.dev\//, 'Score'],
];

/** The tool that reads such an object; undefined for what may be meant for a cluster. */
export function clientToolOf(apiVersion: string, kind: string): string | undefined {
  if (apiVersion === 'v1' && kind === 'Config') return 'kubectl (a kubeconfig, which may hold credentials)';
  return CLIENT_TOOLS.find(([group]) => group.test(apiVersion))?.[1];
}
