/** The fields of Argo CD's Application that are not implemented. */
import { type FieldRule, ignored, refused } from '../../profile/rules.ts';

export const applicationFields: readonly FieldRule[] = [
  refused('spec.sources', 'use one spec.source, or several Applications'),
  refused('spec.source.chart', 'Helm charts are not implemented; commit the rendered manifests'),
  refused('spec.source.helm', 'Helm charts are not implemented; commit the rendered manifests'),
  refused('spec.source.kustomize.commonAnnotationsEnvsubst', 'write the values out', [false]),
  refused(
    'spec.source.plugin',
    'config management plugins are not implemented; commit the rendered manifests',
  ),
  refused('spec.source.directory.jsonnet', 'Jsonnet is not implemented; commit the rendered manifests'),
  refused('spec.source.ref', 'only a source of a multi-source Application has a ref; remove it'),
  refused(
    'spec.destination.server',
    'an Application deploys to this cluster; use https://kubernetes.default.svc',
    ['', 'https://kubernetes.default.svc'],
  ),
  refused('spec.destination.name', "an Application deploys to this cluster; use 'in-cluster'", [
    '',
    'in-cluster',
  ]),
  refused(
    'spec.syncPolicy.managedNamespaceMetadata',
    'put the Namespace with its labels into the repository',
  ),
  refused('spec.syncPolicy.automated.enabled', 'remove spec.syncPolicy.automated to stop automatic syncs', [
    true,
  ]),
  refused('spec.ignoreDifferences.*.jqPathExpressions', 'use jsonPointers'),
  refused('spec.ignoreDifferences.*.managedFieldsManagers', 'use jsonPointers'),
  ignored('spec.project', 'there are no AppProjects: every Application may do what the cluster allows'),
  ignored('spec.info', 'text for people'),
  ignored('spec.revisionHistoryLimit', 'the history of revisions is the Git repository'),
  ignored('spec.source.kustomize.version', 'the program that --kustomize-binary names builds'),
  ignored('spec.source.kustomize.kubeVersion', 'only charts read it, which a kustomization may not have'),
  ignored('spec.source.kustomize.apiVersions', 'only charts read it, which a kustomization may not have'),
  ignored('spec.source.name', 'a label for a dashboard'),
  ignored('spec.syncPolicy.retry.refresh', 'a retry always takes the newest commit'),
];
