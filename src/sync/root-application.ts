/** The Application that `symphony up --repo` creates: everything in the repository, kept so. */
import { SYSTEM_NAMESPACE } from '../schemas/applications/application-author.ts';
import type { Application } from '../schemas/types.ts';

export const ROOT_NAME = 'root';
export const ROOT_NAMESPACE = SYSTEM_NAMESPACE;

export interface RootOptions {
  readonly repoURL: string;
  readonly targetRevision?: string;
  readonly path?: string;
}

export function rootApplication({ repoURL, targetRevision = 'HEAD', path = '.' }: RootOptions): Application {
  return {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Application',
    metadata: { name: ROOT_NAME, namespace: ROOT_NAMESPACE },
    spec: {
      project: 'default',
      source: { repoURL, path, targetRevision, directory: { recurse: true } },
      destination: { namespace: 'default', server: 'https://kubernetes.default.svc' },
      syncPolicy: { automated: { prune: true, selfHeal: true }, syncOptions: ['CreateNamespace=true'] },
    },
  };
}
