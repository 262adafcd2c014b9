/**
 * A container's environment in the kubelet's order of precedence: service variables, envFrom, env.
 * An entry may refer to earlier ones. Pure. Throws Refused, for a missing source too.
 */
import { ownMember } from '../../base/json.ts';
import type { ConfigMap, Container, Pod, Secret } from '../../schemas/types.ts';
import { createProgramBudget, expandReferences, Refused } from './expand.ts';
import { containerResourceValue, type PodPlace, podFieldValue } from './field-ref.ts';

export interface EnvVariable {
  readonly name: string;
  readonly value: string;
}

/** ConfigMaps and Secrets of the pod's namespace by name; absent means that it does not exist. */
export interface EnvSources {
  readonly configMaps: ReadonlyMap<string, ConfigMap>;
  readonly secrets: ReadonlyMap<string, Secret>;
}

export interface EnvironmentInput {
  readonly pod: Pod;
  readonly container: Container;
  readonly sources: EnvSources;
  readonly place: PodPlace;
  /** `WEB_SERVICE_HOST` and its like, in the order in which they are to appear. */
  readonly serviceEnv: readonly EnvVariable[];
}

export interface EnvironmentPlan {
  readonly env: readonly EnvVariable[];
  readonly skipped: readonly string[];
}

/** Printable ASCII without `=`: the rule for names since Kubernetes relaxed it (KEP-4369). */
const VALID_NAME = /^[\x20-\x3c\x3e-\x7e]+$/;

export function planEnvironment(input: EnvironmentInput): EnvironmentPlan {
  const own = new Map<string, string>();
  const spend = createProgramBudget();
  const set = (name: string, value: string): void => void own.set(spend(name), spend(value));
  const skipped: string[] = [];
  const services = new Map(input.serviceEnv.map(({ name, value }) => [name, value]));
  const lookup = (name: string): string | undefined => own.get(name) ?? services.get(name);
  for (const source of input.container.envFrom ?? []) addAll(input, source, set, skipped);
  for (const { name, value: text = '', valueFrom } of input.container.env ?? []) {
    const value = text === '' && valueFrom ? valueOf(input, valueFrom) : expandReferences(text, lookup);
    if (value !== undefined) set(name, value);
  }
  const inherited = input.serviceEnv.filter(({ name }) => !own.has(name));
  return { env: [...inherited, ...[...own].map(([name, value]) => ({ name, value }))], skipped };
}

type EnvFrom = NonNullable<Container['envFrom']>[number];
type ValueFrom = NonNullable<NonNullable<Container['env']>[number]['valueFrom']>;

function addAll(
  input: EnvironmentInput,
  source: EnvFrom,
  set: (name: string, value: string) => void,
  skipped: string[],
): void {
  const { configMapRef, secretRef, prefix = '' } = source;
  const data = dataOf(input, configMapRef, secretRef);
  for (const [key, value] of Object.entries(data ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const name = prefix + key;
    if (VALID_NAME.test(name)) set(name, value);
    else skipped.push(name);
  }
}

type Ref = EnvFrom['configMapRef'];

/** The data of the one source that is named. Undefined if it is optional and missing. */
function dataOf(
  { sources }: EnvironmentInput,
  configMap: Ref,
  secret: Ref,
): Readonly<Record<string, string>> | undefined {
  const { name = '', optional } = configMap ?? secret ?? { optional: true };
  const found = configMap ? sources.configMaps.get(name) : sources.secrets.get(name);
  if (!found) {
    if (optional === true) return undefined;
    throw new Refused(`${configMap ? 'configmap' : 'secret'} "${name}" not found`);
  }
  const { data = {} } = found;
  return configMap ? data : decoded(data);
}

const decoded = (data: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]),
  );

/** Undefined where an optional source or key is missing: the variable is then not set at all. */
function valueOf(input: EnvironmentInput, from: ValueFrom): string | undefined {
  const namespace = input.pod.metadata.namespace ?? '';
  if (from.fieldRef) {
    const value = podFieldValue(input.pod, from.fieldRef.fieldPath, input.place);
    if (value === undefined) throw new Refused(`unsupported fieldPath: ${from.fieldRef.fieldPath}`);
    return value;
  }
  if (from.resourceFieldRef) {
    const { containerName, resource } = from.resourceFieldRef;
    const all = [...(input.pod.spec.initContainers ?? []), ...input.pod.spec.containers];
    const container = containerName ? all.find(({ name }) => name === containerName) : input.container;
    if (!container) throw new Refused(`container ${containerName ?? ''} not found`);
    const value = containerResourceValue(container, from.resourceFieldRef, input.place);
    if (value === undefined) throw new Refused(`unsupported container resource : ${resource}`);
    return value;
  }
  const { configMapKeyRef, secretKeyRef } = from;
  const ref = configMapKeyRef ?? secretKeyRef;
  if (!ref) throw new Refused('env source is not supported');
  const value = ownMember(dataOf(input, configMapKeyRef, secretKeyRef), ref.key);
  if (value === undefined && ref.optional !== true) {
    const kind = configMapKeyRef ? 'ConfigMap' : 'Secret';
    throw new Refused(`couldn't find key ${ref.key} in ${kind} ${namespace}/${ref.name ?? ''}`);
  }
  return value;
}
