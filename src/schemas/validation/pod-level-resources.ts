/** Resources of a pod as a whole (KEP-2837), and the claims that containers refer to. */
import { asList, asRecord, asRecords, asString, type Fields, isAbsent, omit } from '../json-access.ts';
import { compareQuantities, formatQuantity, parseQuantity, type Quantity } from '../values/quantity.ts';
import { isPodLevelResource } from '../pods/pod-resources.ts';
import { podQuantities } from '../pods/pod-quantities.ts';
import { dns1123Label, dns1123Subdomain } from './names.ts';
import {
  duplicate,
  append,
  type FieldErrors,
  forbidden,
  goStruct,
  indexed,
  invalid,
  invalidAll,
  keyed,
  notSupported,
  required,
} from './report.ts';
import { type ClaimNames, isHugePages, validateResources } from './resources.ts';

const SUPPORTED = ['cpu', 'hugepages-', 'memory'];

export function validatePodLevelResources(spec: Fields, claims: ClaimNames, path: string): FieldErrors {
  const value = spec['resources'];
  if (isAbsent(value)) return [];
  if (asRecord(spec['os'])['name'] === 'windows')
    return [forbidden(path, 'may not be set for a windows pod')];
  const resources = asRecord(value);
  const errors =
    asList(resources['claims']).length > 0
      ? [forbidden(`${path}.claims`, 'claims may not be set for Resources at pod-level')]
      : [];
  const checkName = (name: string, at: string): FieldErrors =>
    isPodLevelResource(name) ? [] : [notSupported(at, name, SUPPORTED)];
  append(errors, validateResources(resources, path, claims, checkName));
  append(
    errors,
    validateSums(spec, 'requests', () => true, path),
  );
  append(errors, validateSums(spec, 'limits', isHugePages, path));
  const limits = asRecord(resources['limits']);
  for (const [index, container] of asRecords(spec['containers']).entries()) {
    const own = asRecord(asRecord(container['resources'])['limits']);
    for (const name of Object.keys(own)) {
      const [limit, podLimit] = [quantityOf(own, name), quantityOf(limits, name)];
      if (!limit || !podLimit || compareQuantities(limit, podLimit) <= 0) continue;
      const at = `${keyed(`${path}.containers[${index}]`, name)}.limits`;
      const detail = `must be less than or equal to pod limits of ${formatQuantity(podLimit)}`;
      errors.push(invalid(at, formatQuantity(limit), detail));
    }
  }
  return errors;
}

/** The requests of the pod cover those of its containers together. */
function validateSums(
  spec: Fields,
  side: 'requests' | 'limits',
  isMeant: (name: string) => boolean,
  path: string,
): FieldErrors {
  const amounts = asRecord(asRecord(spec['resources'])[side]);
  const errors: FieldErrors = [];
  for (const [name, sum] of podQuantities(omit(spec, 'resources', 'overhead'), side)) {
    const own = isMeant(name) ? quantityOf(amounts, name) : undefined;
    if (!own || compareQuantities(sum, own) <= 0) continue;
    const detail = `must be greater than or equal to aggregate container ${side} of ${formatQuantity(sum)}`;
    errors.push(invalid(keyed(`${path}.${side}`, name), formatQuantity(own), detail));
  }
  return errors;
}

const quantityOf = (amounts: Fields, name: string): Quantity | undefined =>
  Object.hasOwn(amounts, name) ? parseQuantity(amounts[name]) : undefined;

export const claimNamesOf = (spec: Fields): ClaimNames =>
  new Set(asRecords(spec['resourceClaims']).map(({ name }) => asString(name)));

/** `podName` is known for pods only: a template's pods have names of their own. */
export function validateResourceClaims(
  claims: unknown,
  podName: string | undefined,
  path: string,
): FieldErrors {
  const names = new Set<string>();
  return asRecords(claims).flatMap((claim, index) => {
    const at = indexed(path, index);
    const { resourceClaimName: claimName, resourceClaimTemplateName: template } = claim;
    const name = asString(claim['name']);
    const errors = validateClaimName(name, isAbsent(template) ? undefined : podName, names, `${at}.name`);
    names.add(name);
    const shown = goStruct(claim, ['name', 'resourceClaimName', 'resourceClaimTemplateName']);
    if (!isAbsent(claimName) && !isAbsent(template)) {
      const detail = 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified';
      errors.push(invalid(at, shown, detail));
    } else if (isAbsent(claimName) && isAbsent(template)) {
      const detail = 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`';
      errors.push(invalid(at, shown, detail));
    }
    for (const field of ['resourceClaimName', 'resourceClaimTemplateName']) {
      if (isAbsent(claim[field])) continue;
      const text = asString(claim[field]);
      append(errors, invalidAll(`${at}.${field}`, text, dns1123Subdomain(text)));
    }
    return errors;
  });
}

function validateClaimName(
  name: string,
  podName: string | undefined,
  names: ReadonlySet<string>,
  path: string,
): FieldErrors {
  if (name === '') return [required(path)];
  if (names.has(name)) return [duplicate(path, name)];
  const errors = invalidAll(path, name, dns1123Label(name));
  if (errors.length > 0 || podName === undefined) return errors;
  const generated = `${podName}-${name}`;
  return dns1123Subdomain(generated).map((why) =>
    invalid(path, generated, `final ResourceClaim name: ${why}`),
  );
}
