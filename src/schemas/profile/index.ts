export {
  checkPodFields,
  createFieldCheck,
  podSpecPaths,
  podTemplateOf,
  unimplementedIn,
  waitsFor,
} from './check-implemented.ts';
