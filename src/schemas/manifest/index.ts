export { isManifestPath, type ReadResult, readManifests, readYamlDocument } from './read-manifests.ts';
export {
  defaultManifestLimits,
  formatManifestError,
  type ManifestDocument,
  type ManifestError,
  type ManifestFile,
  type ManifestLimits,
  type ManifestSource,
  type Position,
} from './types.ts';
export {
  type ValidatedManifest,
  type ValidateOptions,
  type ValidationResult,
  validateManifests,
} from './validate.ts';
