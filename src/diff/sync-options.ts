/**
 * Argo CD's sync options: which names and values mean something here. An option is set on an object
 * (annotation `argocd.argoproj.io/sync-options`) or on the whole application
 * (`spec.syncPolicy.syncOptions`); the object's word wins. docs/GITOPS.md says what each does; one
 * that is not listed is reported, never silently dropped.
 */
import { ownMember } from '../base/json.ts';
import type { KubeObject } from '../schemas/object.ts';

export const OPTIONS_ANNOTATION = 'argocd.argoproj.io/sync-options';

/** How a value is treated: as Argo CD treats it, or as always true here, or as unknown. */
const HONOURED: Readonly<Record<string, readonly string[]>> = {
  Prune: ['true', 'false'],
  PruneLast: ['true', 'false'],
  Delete: ['true', 'false'],
  CreateNamespace: ['true', 'false'],
  RespectIgnoreDifferences: ['true', 'false'],
  Replace: ['true', 'false'],
  Force: ['true', 'false'],
  PrunePropagationPolicy: ['foreground', 'background', 'orphan'],
  // Without a difference here: every apply is a three-way merge in the control plane, of what is
  // out of sync only,
  // never over an object of another application, and kinds do not appear at run time.
  ApplyOutOfSyncOnly: ['true', 'false'],
  FailOnSharedResource: ['true', 'false'],
  ServerSideApply: ['true', 'false'],
  ClientSideApplyMigration: ['true', 'false'],
  SkipDryRunOnMissingResource: ['true', 'false'],
  Validate: ['true'],
};
const ADVICE: Readonly<Record<string, string>> = {
  'Validate=false': 'manifests are always validated',
  'Prune=confirm': 'deletions are not confirmed one by one; the object stays, as with Prune=false',
  'Delete=confirm': 'deletions are not confirmed one by one; the object stays, as with Delete=false',
};

function listed(object: KubeObject): readonly string[] {
  return (object.metadata.annotations?.[OPTIONS_ANNOTATION] ?? '')
    .split(',')
    .map((option) => option.trim())
    .filter((option) => option !== '');
}

/** The value of an option: the object's own, else the application's (the last one of several). */
export function syncOption(
  object: KubeObject,
  name: string,
  ofApplication: readonly string[],
): string | undefined {
  const prefix = `${name}=`;
  const find = (options: readonly string[]): string | undefined =>
    options.findLast((option) => option.startsWith(prefix))?.slice(prefix.length);
  return find(listed(object)) ?? find(ofApplication);
}

/** Whether an option is on: `Replace=true`. */
export function hasSyncOption(object: KubeObject, name: string, ofApplication: readonly string[]): boolean {
  return syncOption(object, name, ofApplication) === 'true';
}

/** `Prune` and `Delete` are on unless something else is said; `confirm` never deletes. */
export function mayDelete(
  object: KubeObject,
  name: 'Prune' | 'Delete',
  ofApplication: readonly string[],
): boolean {
  return (syncOption(object, name, ofApplication) ?? 'true') === 'true';
}

/** Options that are not honoured, as text for people. */
export function optionComplaints(options: readonly string[]): readonly string[] {
  return options
    .filter((option) => {
      const [name = '', value = ''] = option.split('=', 2);
      return !ownMember(HONOURED, name)?.includes(value);
    })
    .map(
      (option) =>
        `sync option "${option}": ${ownMember(ADVICE, option) ?? 'not known to Symphony; it has no effect'}`,
    );
}

export function objectOptionComplaints(object: KubeObject): readonly string[] {
  return optionComplaints(listed(object));
}
