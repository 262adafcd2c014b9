export { hasToolName, isManifestPath } from './client-tools.ts';
export { hiddenContents } from './foreign-files.ts';
export { reportOrder } from './report-order.ts';
export { readManifests, readYamlDocument } from './read-manifests.ts';
export {
  defaultManifestLimits,
  formatManifestError,
  type ManifestDocument,
  type ManifestError,
} from './types.ts';
export { type KindsFrom, type ValidatedManifest, validateManifests } from './validate.ts';
