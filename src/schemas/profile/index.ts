export { checkImplemented, podSpecPaths, rulesByKind } from './check-implemented.ts';
export type { FieldRule } from './rules.ts';
