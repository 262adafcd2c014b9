/**
 * Cluster addresses and address families of Services. The rules come in the order in which
 * upstream's allocator applies them: it runs first, and when it refuses a Service there are no
 * other errors.
 */
import { jsonEqual } from '../../base/json.ts';
import {
  CONFIGURED_FAMILY,
  isFreeOfFamilies,
  isHeadless,
  withFamilies,
} from '../defaults/service-families.ts';
import { ipFamily } from '../values/ip-address.ts';
import { asList, asRecord, asString, type Fields } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { ipAddress, keptTexts } from './addresses.ts';
import {
  append,
  duplicate,
  type FieldErrors,
  indexed,
  invalid,
  invalidAll,
  notSupported,
  required,
} from './report.ts';

const FAMILIES = ['IPv4', 'IPv6'];
const POLICIES = ['PreferDualStack', 'RequireDualStack', 'SingleStack'];
/** One for each family. */
const MAX_ADDRESSES = 2;
const AT = 'spec.clusterIPs';

export function validateClusterAddresses(given: Fields, current: Fields): FieldErrors {
  if (given['type'] === 'ExternalName') return [];
  const spec = withFamilies(given, current);
  const errors = validateFields(spec, current);
  if (errors.length > 0) return errors;
  const contradictions = validateSingleStack(spec);
  return contradictions.length > 0 || isFreeOfFamilies(spec) ? contradictions : validateConfigured(spec);
}

function validateFields(spec: Fields, current: Fields): FieldErrors {
  const addresses = asList(spec['clusterIPs']);
  const errors = validateSynced(spec, addresses);
  const families = asList(spec['ipFamilies']);
  const seen = new Set<unknown>();
  for (const [index, family] of families.entries()) {
    const at = indexed('spec.ipFamilies', index);
    if (!FAMILIES.includes(asString(family))) errors.push(notSupported(at, family, FAMILIES));
    if (seen.has(family)) errors.push(duplicate(at, family));
    seen.add(family);
  }
  const policy = asString(spec['ipFamilyPolicy']);
  if (!POLICIES.includes(policy)) errors.push(notSupported('spec.ipFamilyPolicy', policy, POLICIES));
  const wrong = validateEach(addresses, current);
  append(errors, wrong);
  if (addresses.length > MAX_ADDRESSES) errors.push(invalid(AT, addresses, 'may only hold up to 2 values'));
  if (wrong.length > 0) return errors;
  const found = addresses.map((address) => ipFamily(asString(address)));
  if (addresses.length > 1 && new Set(found).size !== MAX_ADDRESSES)
    errors.push(invalid(AT, addresses, 'may specify no more than one IP for each IP family'));
  if (errors.length > 0 || isHeadless(spec)) return errors;
  for (const [index, family] of families.slice(0, addresses.length).entries())
    if (found[index] !== family) {
      const detail = `expected an ${asString(family)} value as indicated by \`ipFamilies[${index}]\``;
      errors.push(invalid(indexed(AT, index), addresses[index], detail));
    }
  return errors;
}

/** The older field for one address and the newer field for several must agree. */
function validateSynced(spec: Fields, addresses: readonly unknown[]): FieldErrors {
  const first = asString(spec['clusterIP']);
  if (first === '' && addresses.length > 0)
    return [invalid(AT, addresses, 'must be empty when `clusterIP` is not specified')];
  if (first !== '' && addresses.length === 0) return [required(AT)];
  return first === '' || addresses[0] === first
    ? []
    : [invalid(AT, addresses, 'first value must match `clusterIP`')];
}

function validateEach(addresses: readonly unknown[], current: Fields): FieldErrors {
  const kept = keptTexts(current['clusterIPs']);
  return addresses.flatMap((address, index) => {
    if (index > 0 || address !== 'None')
      return invalidAll(indexed(AT, index), address, ipAddress(asString(address), kept));
    return addresses.length > 1 ? [invalid(AT, addresses, "'None' must be the first and only value")] : [];
  });
}

function validateSingleStack(spec: Fields): FieldErrors {
  const addresses = asList(spec['clusterIPs']);
  const errors: FieldErrors = [];
  const families = asList(spec['ipFamilies']);
  for (const [what, list] of [
    ['cluster IPs', addresses],
    ['IP families', families],
  ] as const)
    if (spec['ipFamilyPolicy'] === 'SingleStack' && list.length === MAX_ADDRESSES) {
      const detail = `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`;
      errors.push(invalid('spec.ipFamilyPolicy', 'SingleStack', detail));
    }
  for (const [index, address] of addresses.entries()) {
    const family = ipFamily(asString(address));
    if (index >= families.length && family !== undefined && family !== CONFIGURED_FAMILY)
      errors.push(invalid(indexed(AT, index), addresses, `${family} is not configured on this cluster`));
  }
  return errors;
}

function validateConfigured(spec: Fields): FieldErrors {
  const errors: FieldErrors = [];
  if (spec['ipFamilyPolicy'] === 'RequireDualStack') {
    const detail = 'this cluster is not configured for dual-stack services';
    errors.push(invalid('spec.ipFamilyPolicy', 'RequireDualStack', detail));
  }
  for (const [index, family] of asList(spec['ipFamilies']).entries())
    if (family !== CONFIGURED_FAMILY)
      errors.push(invalid(indexed('spec.ipFamilies', index), family, 'not configured on this cluster'));
  return errors;
}

/** An allocated address stays as long as the Service has one at all. */
export function validateAddressUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  const [spec, old] = [asRecord(next['spec']), asRecord(current['spec'])];
  if (spec['type'] === 'ExternalName' || old['type'] === 'ExternalName') return [];
  if (isHeadless(spec) && isHeadless(old)) return [];
  const [addresses, before] = [asList(spec['clusterIPs']), asList(old['clusterIPs'])];
  if (before.length === 0 || jsonEqual(addresses[0], before[0])) return [];
  const detail = addresses.length === 0 ? 'primary clusterIP can not be unset' : 'may not change once set';
  return [invalid(indexed(AT, 0), addresses, detail)];
}
