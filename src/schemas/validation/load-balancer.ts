/** Addresses of load balancers: the status of Services and of Ingresses. */
import { parseAddress } from '../values/ip-address.ts';
import { asRecords, asString, getPath, isAbsent } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { ipAddress } from './addresses.ts';
import { dns1123Subdomain } from './names.ts';
import { append, type FieldErrors, forbidden, indexed, invalid, notSupported } from './report.ts';
import { optionalText } from './texts.ts';

const IP_MODES = ['Proxy', 'VIP'];
const NOT_AN_ADDRESS = 'must be a DNS name, not an IP address';

/** Entries of Services say how traffic arrives (`ipMode`), those of Ingresses do not. */
export function validateLoadBalancerStatus(object: KubeObject, hasModes: boolean): FieldErrors {
  const path = 'status.loadBalancer.ingress';
  const entries = asRecords(getPath(object, 'status', 'loadBalancer', 'ingress'));
  return entries.flatMap((entry, index) => {
    const at = indexed(path, index);
    const [ip, hostname] = [asString(entry['ip']), asString(entry['hostname'])];
    const errors = optionalText(ip, `${at}.ip`, ipAddress);
    if (hasModes) append(errors, validateMode(entry['ipMode'], ip, `${at}.ipMode`));
    append(errors, optionalText(hostname, `${at}.hostname`, dns1123Subdomain));
    if (isAddress(hostname)) errors.push(invalid(`${at}.hostname`, hostname, NOT_AN_ADDRESS));
    return errors;
  });
}

function validateMode(mode: unknown, ip: string, path: string): FieldErrors {
  if (isAbsent(mode)) return [];
  if (ip === '') return [forbidden(path, 'may not be specified when `ip` is not set')];
  return IP_MODES.includes(asString(mode)) ? [] : [notSupported(path, mode, IP_MODES)];
}

/** Also refuses texts that an older parser takes for an address. */
export const isAddress = (text: string): boolean => parseAddress(text, 'sloppy') !== undefined;
