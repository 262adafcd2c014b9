/** One file → validated manifests, by the reader and the validator of the schemas. */
import { readManifests, validateManifests } from '../../schemas/manifest/index.ts';
import type { Registry } from '../../schemas/resource-kind.ts';
import type { ParseManifestFile } from './types.ts';

/** `namespace` is given to namespaced objects that name none. */
export function createManifestParser(registry: Registry, namespace: string): ParseManifestFile {
  return (file, definitions = []) => {
    const read = readManifests(file);
    const valid = validateManifests(read.documents, registry, { defaultNamespace: namespace, definitions });
    return {
      manifests: valid.objects.map(({ kind, object, source }) => ({
        kind,
        object,
        origin: `${source.file}:${source.line}`,
      })),
      errors: [...read.errors, ...valid.errors],
      kindsFrom: valid.kindsFrom,
      ...(read.notManifest === undefined ? {} : { notManifest: read.notManifest }),
    };
  };
}
