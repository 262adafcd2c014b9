/**
 * Applications outside the system namespace write only in their own namespace, as the author of
 * their spec. This file checks manifests and marks; the API checks the author's rights. Pure.
 */
import {
  type Author,
  AUTHOR_ANNOTATION,
  authorOf,
  authorText,
  isApplication,
  isConfined,
  SYSTEM_NAMESPACE,
  systemAuthor,
  withAuthorText,
} from '../../schemas/applications/application-author.ts';
import type { ManifestError } from '../../schemas/manifest/types.ts';
import { type KubeObject, keyOf } from '../../schemas/object.ts';
import type { DesiredObject } from '../../diff/desired-set.ts';
import type { ManagedResources } from './managed-resources.ts';
import type { ParsedFile, ParseManifestFile } from '../render/types.ts';

/** A changed author makes another render: child Applications carry the author. */
export const authorKeyOf = ({ metadata }: KubeObject): string | undefined =>
  metadata.annotations?.[AUTHOR_ANNOTATION];

/**
 * Adds errors for objects that the Application may not hold. Gives child Applications its author: a
 * child never has more rights than the Application that holds it in Git.
 */
export function confinedParser(parse: ParseManifestFile, application: KubeObject): ParseManifestFile {
  const confined = isConfined(application);
  const author = confined ? authorOf(application) : systemAuthor;
  return (file, definitions) => {
    const parsed = parse(file, definitions);
    const manifests = parsed.manifests.map((item) => withInherited(item, author));
    const errors = confined
      ? manifests.flatMap((item) => outsideError(item, application.metadata.namespace ?? '') ?? [])
      : [];
    return { ...parsed, manifests, errors: [...parsed.errors, ...errors] } satisfies ParsedFile;
  };
}

function withInherited(item: DesiredObject, author: Author | undefined): DesiredObject {
  if (!isApplication(item.object)) return item;
  const inherits = author !== undefined && isConfined(item.object);
  return { ...item, object: withAuthorText(item.object, inherits ? authorText(author) : undefined) };
}

function outsideError({ kind, object, origin }: DesiredObject, namespace: string): ManifestError | undefined {
  if (kind.namespaced && object.metadata.namespace === namespace) return undefined;
  // A file that others build from tells no line.
  const [, file = origin, line] = /^(.*):(\d+)$/s.exec(origin) ?? [];
  const what = `${kind.kind} "${keyOf(object)}"`;
  const rule = `an Application in namespace "${namespace}" writes only in that namespace`;
  const [path, where] = kind.namespaced
    ? ['metadata.namespace', 'in another namespace']
    : ['kind', 'cluster-scoped'];
  return {
    ...{ file, ...(line === undefined ? {} : { line: Number(line) }), path },
    message: `${what} is ${where}: ${rule}`,
    hint: `name namespace "${namespace}" (spec.destination.namespace is the default), or move the Application to ${SYSTEM_NAMESPACE}`,
  };
}

/** The live side as the Application sees it: a mark of it in another namespace is not its own. */
export function confinedResources(managed: ManagedResources, application: KubeObject): ManagedResources {
  if (!isConfined(application)) return managed;
  const isInside = ({ object }: { readonly object: KubeObject }): boolean =>
    object.metadata.namespace === application.metadata.namespace;
  return {
    ...managed,
    inventory: (key) => managed.inventory(key).filter(isInside),
    find(id) {
      const found = managed.find(id);
      return found && isInside(found) ? found : undefined;
    },
  };
}
