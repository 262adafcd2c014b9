export { checkImplemented, podSpecPaths, rulesByKind } from './check-implemented.ts';
