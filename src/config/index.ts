export { defaultDockerHost, gitProcessEnvironment } from './process-environment.ts';
export { coloursWanted, loadConfig } from './load-config.ts';
export type { Config, ConfiguredCommand } from './config.ts';
export { environmentName, fileKey, options } from './options.ts';
export { optionGroups } from './option-spec.ts';
export { type ConfigInputs, poolProblem, resolveConfig, sliceProblem } from './resolve-config.ts';
