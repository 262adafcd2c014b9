/** Ranges of cluster addresses, and single addresses of them. */
import { jsonEqual } from '../../base/json.ts';
import { asList, asRecord, asString, type Fields } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { ipFamily } from '../values/ip-address.ts';
import { cidrBlock } from './addresses.ts';
import { dns1123Subdomain, pathSegment } from './names.ts';
import { append, type FieldErrors, invalid, invalidAll, required } from './report.ts';

/** One for each family. */
const MAX_RANGES = 2;
const CIDRS = 'spec.cidrs';
const REFERENCE = 'spec.parentRef';
const IMMUTABLE = 'field is immutable';

const cidrsOf = (object: KubeObject): readonly string[] =>
  asList(asRecord(object['spec'])['cidrs']).map(asString);

export function validateServiceCidr(object: KubeObject): FieldErrors {
  const cidrs = cidrsOf(object);
  if (cidrs.length === 0) return [required(CIDRS, 'at least one CIDR required')];
  if (cidrs.length > MAX_RANGES)
    return [invalid(CIDRS, { CIDRs: cidrs }, `may only hold up to ${MAX_RANGES} values`)];
  const errors: FieldErrors = cidrs.flatMap((cidr, index) =>
    invalidAll(`${CIDRS}[${index}]`, cidr, cidrBlock(cidr)),
  );
  const families = new Set(cidrs.map((cidr) => ipFamily(cidr.split('/')[0] ?? '')));
  if (errors.length === 0 && families.size < cidrs.length)
    errors.push(
      invalid(
        CIDRS,
        cidrs,
        'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64',
      ),
    );
  return errors;
}

/** A range may get one of the other family, and never loses the one that it has. */
export function validateServiceCidrUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  const [before, after] = [cidrsOf(current), cidrsOf(next)];
  if (after.length < before.length) return [invalid(CIDRS, after, IMMUTABLE)];
  return before.flatMap((cidr, index) =>
    after[index] === cidr ? [] : [invalid(`${CIDRS}[${index}]`, after[index], IMMUTABLE)],
  );
}

const parentOf = (object: KubeObject): Fields => asRecord(asRecord(object['spec'])['parentRef']);

export function validateIpAddress(object: KubeObject): FieldErrors {
  const spec = asRecord(object['spec']);
  if (spec['parentRef'] === undefined || spec['parentRef'] === null) return [required(REFERENCE)];
  const [group, resource, namespace, name] = referenceOf(object);
  const errors: FieldErrors = [];
  if (group !== '') append(errors, invalidAll(`${REFERENCE}.group`, group, dns1123Subdomain(group)));
  if (resource === '') errors.push(required(`${REFERENCE}.resource`));
  else append(errors, invalidAll(`${REFERENCE}.resource`, resource, pathSegment(resource)));
  if (name === '') errors.push(required(`${REFERENCE}.name`));
  else append(errors, invalidAll(`${REFERENCE}.name`, name, pathSegment(name)));
  if (namespace !== '')
    append(errors, invalidAll(`${REFERENCE}.namespace`, namespace, pathSegment(namespace)));
  return errors;
}

export function validateIpAddressUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  const [before, after] = [referenceOf(current), referenceOf(next)];
  if (jsonEqual(before, after)) return [];
  const [Group, Resource, Namespace, Name] = after;
  return [invalid(REFERENCE, { Group, Resource, Namespace, Name }, IMMUTABLE)];
}

function referenceOf(object: KubeObject): readonly [string, string, string, string] {
  const { group, resource, namespace, name } = parentOf(object);
  return [asString(group), asString(resource), asString(namespace), asString(name)];
}
