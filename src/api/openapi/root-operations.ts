/** Operations on the paths of discovery itself: `/api`, `/apis`, a group, a version, `/version`. */
import { answersOf, basePath, groupWord, type OperationPath } from './operations.ts';

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
const ALL_FORMS = ['application/json', 'application/vnd.kubernetes.protobuf', 'application/yaml'];

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function discovers(
  path: string,
  tag: string,
  id: string,
  component: string,
  produces = ALL_FORMS,
): OperationPath {
  const answers = answersOf(['200'], { component }, produces);
  const about = { action: undefined, gvk: undefined, parameters: [], body: undefined } as const;
  return { path, operations: [{ ...about, method: 'get', id, tag, answers }] };
}

export const versionsOperation = discovers('/api/', 'core', 'getCoreAPIVersions', `${META}APIVersions`);
export const groupsOperation = discovers('/apis/', 'apis', 'getAPIVersions', `${META}APIGroupList`);
export const versionOperation = discovers(
  '/version/',
  'version',
  'getCodeVersion',
  'io.k8s.apimachinery.pkg.version.Info',
  ['application/json'],
);

export function groupOperation(group: string): OperationPath {
  const word = groupWord(group);
  return discovers(`/apis/${group}/`, word, `get${capital(word)}APIGroup`, `${META}APIGroup`);
}

export function resourcesOperation(group: string, version: string): OperationPath {
  const word = groupWord(group);
  const id = `get${capital(word)}${capital(version)}APIResources`;
  return discovers(`${basePath({ group, version })}/`, `${word}_${version}`, id, `${META}APIResourceList`);
}
