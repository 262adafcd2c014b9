/** Name resolution of a pod: resolver options, host aliases. */
import { asList, asRecord, asRecords, asString, type Fields, isAbsent } from '../json-access.ts';
import { ipAddress } from './addresses.ts';
import { dns1123Subdomain, dnsSearchPath } from './names.ts';
import { append, byteLength, type FieldErrors, invalid, invalidAll, required } from './report.ts';

const MAX_NAMESERVERS = 3;
const MAX_SEARCHES = 32;
const MAX_SEARCH_CHARACTERS = 2048;

export function validateDnsConfig(spec: Fields, path: string): FieldErrors {
  const needed = spec['dnsPolicy'] === 'None';
  const value = spec['dnsConfig'];
  if (isAbsent(value))
    return needed ? [required(path, 'must provide `dnsConfig` when `dnsPolicy` is None')] : [];
  const { nameservers, searches, options } = asRecord(value);
  if (needed && asList(nameservers).length === 0) {
    const detail = 'must provide at least one DNS nameserver when `dnsPolicy` is None';
    return [required(`${path}.nameservers`, detail)];
  }
  const errors: FieldErrors = [];
  if (asList(nameservers).length > MAX_NAMESERVERS) {
    const detail = `must not have more than ${MAX_NAMESERVERS} nameservers`;
    errors.push(invalid(`${path}.nameservers`, nameservers, detail));
  }
  for (const [index, server] of asList(nameservers).entries())
    append(errors, invalidAll(`${path}.nameservers[${index}]`, server, ipAddress(asString(server))));
  append(errors, validateSearches(asList(searches).map(asString), `${path}.searches`));
  for (const [index, option] of asRecords(options).entries()) {
    if (asString(option['name']) === '')
      errors.push(required(`${path}.options[${index}]`, 'must not be empty'));
  }
  return errors;
}

function validateSearches(searches: readonly string[], path: string): FieldErrors {
  const errors: FieldErrors = [];
  if (searches.length > MAX_SEARCHES)
    errors.push(invalid(path, searches, `must not have more than ${MAX_SEARCHES} search paths`));
  // They are written into one line, separated by blanks.
  const length = byteLength(searches.join(' '));
  if (length > MAX_SEARCH_CHARACTERS) {
    const detail = `must not have more than ${MAX_SEARCH_CHARACTERS} characters (including spaces) in the search list`;
    errors.push(invalid(path, searches, detail));
  }
  for (const [index, search] of searches.entries()) {
    // A dot alone searches the root; one at the end makes the path absolute.
    if (search === '.') continue;
    const relative = search.replace(/\.$/, '');
    append(errors, invalidAll(`${path}[${index}]`, relative, dnsSearchPath(relative)));
  }
  return errors;
}

export function validateHostAliases(aliases: unknown, path: string): FieldErrors {
  return asRecords(aliases).flatMap((alias, index) => {
    const at = `${path}[${index}]`;
    const ip = asString(alias['ip']);
    return [
      ...invalidAll(`${at}.ip`, ip, ipAddress(ip)),
      ...asList(alias['hostnames'])
        .map(asString)
        .flatMap((name, number) => invalidAll(`${at}.hostnames[${number}]`, name, dns1123Subdomain(name))),
    ];
  });
}
