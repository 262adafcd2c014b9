/** Kinds of CustomResourceDefinitions. Others import this file only (but resource-kind.ts). */
export { builtinCustomKinds, type CustomKinds, establishedKinds, requestedKinds } from './custom-kind.ts';
export {
  CLEANUP_FINALIZER,
  compareVersions,
  DEFINITION_API_VERSION,
  DEFINITION_RESOURCE,
  type DefinitionNames,
  isDefinition,
  isTrue,
  readDefinition,
  readNames,
} from './definition.ts';
export { prune } from './prune.ts';
export {
  validateDefinition,
  validateDefinitionStatus,
  validateDefinitionUpdate,
} from './validate-definition.ts';
export { NOWHERE } from './rules/evaluate-rules.ts';
export type { StructuralSchema } from './structural-schema.ts';
