export {
  checkImplemented,
  podSpecPaths,
  rulesByKind,
  unimplementedIn,
  waitsFor,
} from './check-implemented.ts';
