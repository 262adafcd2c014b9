/**
 * Address families of Services. The cluster has IPv4 alone, so most of it is inferred; what
 * contradicts that is left as it was written, for validation to refuse.
 */
import { jsonEqual } from '../../base/json.ts';
import { ipFamily } from '../values/ip-address.ts';
import { asList, asRecord, asString, type Fields } from '../json-access.ts';

export const CONFIGURED_FAMILY = 'IPv4';

export const isHeadless = (spec: Fields): boolean => asList(spec['clusterIPs'])[0] === 'None';

/** A Service without a selector: its endpoints may have either family. */
export const isFreeOfFamilies = (spec: Fields): boolean =>
  spec['clusterIP'] === 'None' && Object.keys(asRecord(spec['selector'])).length === 0;

/** The spec with policy and families; `old` is the one that an update replaces. */
export function withFamilies(spec: Fields, old: Fields = {}): Fields {
  if (spec['type'] === 'ExternalName') return spec;
  const policy =
    spec['ipFamilyPolicy'] ??
    old['ipFamilyPolicy'] ??
    (isFreeOfFamilies(spec) ? 'RequireDualStack' : 'SingleStack');
  const families = familiesOf(spec, policy, old);
  // An empty list is not stored.
  return { ...spec, ipFamilyPolicy: policy, ...(families.length === 0 ? {} : { ipFamilies: families }) };
}

function familiesOf(spec: Fields, policy: unknown, old: Fields): readonly unknown[] {
  const given = asList(spec['ipFamilies']);
  const isSingle = policy === 'SingleStack';
  if (isSingle && given.length > 1 && jsonEqual(given, old['ipFamilies'])) return given.slice(0, 1);
  const families = [...given];
  for (const address of asList(spec['clusterIPs']).slice(given.length)) {
    if (address === 'None') break;
    // Validation refuses another family, and two addresses of one family.
    if (ipFamily(asString(address)) !== CONFIGURED_FAMILY || families.includes(CONFIGURED_FAMILY))
      return families;
    families.push(CONFIGURED_FAMILY);
  }
  if (families.length === 0) families.push(CONFIGURED_FAMILY);
  if (isFreeOfFamilies(spec) && families.length < 2 && !isSingle)
    families.push(families[0] === 'IPv4' ? 'IPv6' : 'IPv4');
  return families;
}
