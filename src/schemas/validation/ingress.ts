/** Ingresses, and the classes that name who serves them. */
import { asList, asNumber, asRecord, asRecords, asString, type Fields, isAbsent } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { validateLoadBalancerStatus, isAddress } from './load-balancer.ts';
import { immutable } from './metadata.ts';
import {
  dns1123Label,
  dns1123Subdomain,
  pathSegment,
  portName,
  portNumber,
  wildcardSubdomain,
} from './names.ts';
import {
  append,
  type FieldErrors,
  forbidden,
  indexed,
  invalid,
  invalidAll,
  notSupported,
  required,
} from './report.ts';
import { validatePrefixedPath } from './prefixed-path.ts';
import { requiredText } from './texts.ts';

const PATH_TYPES = ['Exact', 'ImplementationSpecific', 'Prefix'];
/** Refused in paths: some servers would read another path. */
const BAD_SEQUENCES = ['//', '/./', '/../', '%2f', '%2F'];
const BAD_SUFFIXES = ['/..', '/.'];
const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';

export function validateIngress(object: KubeObject, current?: KubeObject): FieldErrors {
  const spec = asRecord(object['spec']);
  const old = asRecord(current?.['spec']);
  const rules = asRecords(spec['rules']);
  const { defaultBackend, ingressClassName } = spec;
  const errors: FieldErrors = [];
  if (rules.length === 0 && isAbsent(defaultBackend))
    errors.push(invalid('spec', spec['rules'], 'either `defaultBackend` or `rules` must be specified'));
  if (!isAbsent(defaultBackend))
    append(errors, validateBackend(asRecord(defaultBackend), 'spec.defaultBackend'));
  for (const [index, rule] of rules.entries()) append(errors, validateRule(rule, `spec.rules[${index}]`));
  append(errors, validateTls(asRecords(spec['tls']), asRecords(old['tls'])));
  if (isAbsent(ingressClassName)) return errors;
  const name = asString(ingressClassName);
  append(errors, invalidAll('spec.ingressClassName', name, dns1123Subdomain(name)));
  const annotation = asRecord(asRecord(object.metadata)['annotations'])[CLASS_ANNOTATION];
  if (current === undefined && annotation !== undefined && annotation !== name) {
    const detail = 'must match `ingressClassName` when both are specified';
    errors.push(invalid(`annotations.${CLASS_ANNOTATION}`, annotation, detail));
  }
  return errors;
}

/** Names of Secrets had no rules once: if a stored one is invalid, none is checked. */
function validateTls(list: readonly Fields[], old: readonly Fields[]): FieldErrors {
  const complaintsOf = ({ secretName }: Fields): readonly string[] =>
    asString(secretName) === '' ? [] : dns1123Subdomain(asString(secretName));
  const isLenient = old.some((tls) => complaintsOf(tls).length > 0);
  return list.flatMap((tls, index) => {
    const path = indexed('spec.tls', index);
    const errors = asList(tls['hosts']).flatMap((host, at) =>
      validateHost(asString(host), indexed(`${path}.hosts`, at)),
    );
    if (!isLenient) append(errors, invalidAll(`${path}.secretName`, tls['secretName'], complaintsOf(tls)));
    return errors;
  });
}

function validateHost(host: string, path: string): FieldErrors {
  return invalidAll(path, host, host.includes('*') ? wildcardSubdomain(host) : dns1123Subdomain(host));
}

function validateRule({ host, http }: Fields, path: string): FieldErrors {
  const errors: FieldErrors = [];
  const name = asString(host);
  if (isAddress(name)) errors.push(invalid(`${path}.host`, name, 'must be a DNS name, not an IP address'));
  if (name !== '') append(errors, validateHost(name, `${path}.host`));
  if (isAbsent(http)) return errors;
  const paths = asRecords(asRecord(http)['paths']);
  if (paths.length === 0) errors.push(required(`${path}.http.paths`));
  for (const [index, item] of paths.entries())
    append(errors, validatePath(item, `${path}.http.paths[${index}]`));
  return errors;
}

function validatePath({ path: value, pathType, backend }: Fields, path: string): FieldErrors {
  const errors: FieldErrors = [];
  const text = asString(value);
  if (isAbsent(pathType)) return [required(`${path}.pathType`, 'pathType must be specified')];
  if (!PATH_TYPES.includes(asString(pathType)))
    errors.push(notSupported(`${path}.pathType`, pathType, PATH_TYPES));
  else if (pathType !== 'ImplementationSpecific' || text !== '') {
    if (!text.startsWith('/')) errors.push(invalid(`${path}.path`, text, 'must be an absolute path'));
    if (pathType !== 'ImplementationSpecific') {
      for (const bad of BAD_SEQUENCES)
        if (text.includes(bad)) errors.push(invalid(`${path}.path`, text, `must not contain '${bad}'`));
      for (const bad of BAD_SUFFIXES)
        if (text.endsWith(bad)) errors.push(invalid(`${path}.path`, text, `cannot end with '${bad}'`));
    }
  }
  return [...errors, ...validateBackend(asRecord(backend), `${path}.backend`)];
}

function validateBackend({ service, resource }: Fields, path: string): FieldErrors {
  if (!isAbsent(service) && !isAbsent(resource))
    return [invalid(path, '', 'cannot set both resource and service backends')];
  if (isAbsent(service) && isAbsent(resource))
    return [invalid(path, '', 'resource or service backend is required')];
  if (isAbsent(service)) return validateReference(asRecord(resource), `${path}.resource`);
  const { name, port } = asRecord(service);
  const errors = requiredText(name, `${path}.service.name`, dns1123Label);
  const { name: named, number } = asRecord(port);
  const at = `${path}.service.port`;
  const given = asNumber(number) ?? 0;
  if (asString(named) !== '' && given !== 0)
    errors.push(invalid(path, '', 'cannot set both port name & port number'));
  else if (asString(named) !== '') append(errors, invalidAll(`${at}.name`, named, portName(asString(named))));
  else if (given === 0) errors.push(required(path, 'port name or number is required'));
  else append(errors, invalidAll(`${at}.number`, given, portNumber(given)));
  return errors;
}

/** An object of any kind, by its group, kind and name. */
function validateReference({ apiGroup, kind, name }: Fields, path: string): FieldErrors {
  const group = asString(apiGroup);
  return [
    ...(isAbsent(apiGroup) ? [] : invalidAll(`${path}.apiGroup`, group, dns1123Subdomain(group))),
    ...requiredText(kind, `${path}.kind`, pathSegment),
    ...requiredText(name, `${path}.name`, pathSegment),
  ];
}

export const validateIngressStatus = (object: KubeObject): FieldErrors =>
  validateLoadBalancerStatus(object, false);

const MAX_CONTROLLER_BYTES = 250;
const SCOPES = ['Cluster', 'Namespace'];

export function validateIngressClass(object: KubeObject): FieldErrors {
  const { controller, parameters } = asRecord(object['spec']);
  const name = asString(controller);
  const errors = validatePrefixedPath(name, 'spec.controller', MAX_CONTROLLER_BYTES);
  if (isAbsent(parameters)) return errors;
  const path = 'spec.parameters';
  const given = asRecord(parameters);
  append(errors, validateReference(given, path));
  const { scope, namespace } = given;
  if (!SCOPES.includes(asString(scope))) errors.push(notSupported(`${path}.scope`, asString(scope), SCOPES));
  else if (scope === 'Cluster') {
    if (!isAbsent(namespace))
      errors.push(forbidden(`${path}.namespace`, "`parameters.scope` is set to 'Cluster'"));
  } else if (isAbsent(namespace))
    errors.push(required(`${path}.namespace`, "`parameters.scope` is set to 'Namespace'"));
  else append(errors, invalidAll(`${path}.namespace`, namespace, dns1123Label(asString(namespace))));
  return errors;
}

export function validateIngressClassUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  const [after, before] = [asRecord(next['spec']), asRecord(current['spec'])];
  return immutable(after['controller'], before['controller'], 'spec.controller');
}
