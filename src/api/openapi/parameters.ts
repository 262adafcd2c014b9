/** The parameters of operations, as both forms of OpenAPI are made of them. */

export interface Parameter {
  readonly name: string;
  readonly in: 'query' | 'path';
  readonly type: 'string' | 'integer' | 'boolean';
}

function query(type: Parameter['type'], ...names: readonly string[]): readonly Parameter[] {
  return names.map((name) => ({ name, in: 'query', type }));
}

export function inPath(...names: readonly string[]): readonly Parameter[] {
  return names.map((name) => ({ name, in: 'path', type: 'string' }));
}

export const PRETTY = query('string', 'pretty');

const SELECTION = [
  ...query('string', 'continue', 'fieldSelector', 'labelSelector', 'resourceVersion', 'resourceVersionMatch'),
  ...query('integer', 'limit', 'timeoutSeconds'),
  ...query('boolean', 'sendInitialEvents'),
];

export const LIST = [...SELECTION, ...query('boolean', 'allowWatchBookmarks', 'watch')];
export const WRITE = query('string', 'dryRun', 'fieldManager', 'fieldValidation');
export const PATCH = [...WRITE, ...query('boolean', 'force')];
export const DELETE = [
  ...query('string', 'dryRun', 'propagationPolicy'),
  ...query('integer', 'gracePeriodSeconds'),
  ...query('boolean', 'ignoreStoreReadErrorWithClusterBreakingPotential', 'orphanDependents'),
];
export const DELETE_COLLECTION = [...SELECTION, ...DELETE];
export const LOG = [
  ...query('string', 'container', 'stream'),
  ...query('boolean', 'follow', 'insecureSkipTLSVerifyBackend', 'previous', 'timestamps'),
  ...query('integer', 'limitBytes', 'sinceSeconds', 'tailLines'),
];
export const ATTACH = [
  ...query('string', 'container'),
  ...query('boolean', 'stderr', 'stdin', 'stdout', 'tty'),
];
export const EXEC = [...query('string', 'command'), ...ATTACH];
export const PORT_FORWARD = query('integer', 'ports');
export const PROXY = query('string', 'path');
