export {
  checkImplemented,
  podSpecPaths,
  podTemplateOf,
  rulesByKind,
  unimplementedIn,
  waitsFor,
} from './check-implemented.ts';
