/** Ingresses. */
import { asList, asNumber, asRecord, asRecords, asString, isAbsent } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { ipFamily } from './addresses.ts';
import { dns1035Label, dns1123Subdomain, portName, portNumber, wildcardSubdomain } from './names.ts';
import {
  type FieldErrors,
  forbidden,
  indexed,
  invalid,
  invalidAll,
  notSupported,
  required,
} from './report.ts';

type Fields = Readonly<Record<string, unknown>>;

const PATH_TYPES = ['Exact', 'ImplementationSpecific', 'Prefix'];
/** What a path may not contain: it would mean another one to some servers. */
const BAD_SEQUENCES = ['//', '/./', '/../', '%2f', '%2F'];
const BAD_SUFFIXES = ['/..', '/.'];

export function validateIngress(object: KubeObject): FieldErrors {
  const spec = asRecord(object['spec']);
  const rules = asRecords(spec['rules']);
  const errors: FieldErrors = [];
  for (const [index, tls] of asRecords(spec['tls']).entries())
    for (const [at, host] of asList(tls['hosts']).entries())
      errors.push(...validateHost(asString(host), indexed(`spec.tls[${index}].hosts`, at), false));
  if (rules.length === 0 && isAbsent(spec['defaultBackend']))
    errors.push(invalid('spec', null, 'either `defaultBackend` or `rules` must be specified'));
  if (!isAbsent(spec['defaultBackend']))
    errors.push(...validateBackend(asRecord(spec['defaultBackend']), 'spec.defaultBackend'));
  for (const [index, rule] of rules.entries()) errors.push(...validateRule(rule, `spec.rules[${index}]`));
  const name = spec['ingressClassName'];
  if (!isAbsent(name))
    errors.push(...invalidAll('spec.ingressClassName', name, dns1123Subdomain(asString(name))));
  return errors;
}

function validateHost(host: string, path: string, isRule: boolean): FieldErrors {
  if (isRule && ipFamily(host) !== undefined)
    return [invalid(path, host, 'must be a DNS name, not an IP address')];
  return invalidAll(path, host, host.includes('*') ? wildcardSubdomain(host) : dns1123Subdomain(host));
}

function validateRule({ host, http }: Fields, path: string): FieldErrors {
  const errors: FieldErrors = [];
  if (asString(host) !== '') errors.push(...validateHost(asString(host), `${path}.host`, true));
  if (isAbsent(http)) return errors;
  const paths = asRecords(asRecord(http)['paths']);
  if (paths.length === 0) errors.push(required(`${path}.http.paths`));
  for (const [index, item] of paths.entries())
    errors.push(...validatePath(item, `${path}.http.paths[${index}]`));
  return errors;
}

function validatePath({ path: value, pathType, backend }: Fields, path: string): FieldErrors {
  const errors: FieldErrors = [];
  const text = asString(value);
  if (isAbsent(pathType)) errors.push(required(`${path}.pathType`, 'pathType must be specified'));
  else if (!PATH_TYPES.includes(asString(pathType)))
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
  if (isAbsent(service)) {
    const { kind, name } = asRecord(resource);
    return [
      ...(asString(kind) === '' ? [required(`${path}.resource.kind`)] : []),
      ...(asString(name) === '' ? [required(`${path}.resource.name`)] : []),
    ];
  }
  const { name, port } = asRecord(service);
  const errors: FieldErrors =
    asString(name) === ''
      ? [required(`${path}.service.name`)]
      : invalidAll(`${path}.service.name`, name, dns1035Label(asString(name)));
  const { name: named, number } = asRecord(port);
  const at = `${path}.service.port`;
  const given = asNumber(number) ?? 0;
  if (asString(named) !== '' && given !== 0)
    errors.push(forbidden(at, 'cannot set both port name & port number'));
  else if (asString(named) !== '') errors.push(...invalidAll(`${at}.name`, named, portName(asString(named))));
  else if (given === 0) errors.push(required(at, 'port name or number is required'));
  else errors.push(...invalidAll(`${at}.number`, given, portNumber(given)));
  return errors;
}
