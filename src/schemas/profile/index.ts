export { checkImplemented, podSpecPaths, rulesByKind, unimplementedIn } from './check-implemented.ts';
