/** Validates the conversion webhook of a definition. It is never called here. */
import { asNumber, asRecord, asString, type Fields, isAbsent } from '../json-access.ts';
import { dns1123Subdomain, portNumber } from '../validation/names.ts';
import { append, type FieldErrors, invalid, required } from '../validation/report.ts';

export function validateWebhook(config: unknown, path: string): FieldErrors {
  if (isAbsent(config)) return [required(path, 'required when strategy is set to Webhook')];
  const { url, service } = asRecord(config);
  if (isAbsent(url) === isAbsent(service))
    return [required(path, 'exactly one of url or service is required')];
  return isAbsent(url)
    ? validateService(asRecord(service), `${path}.service`)
    : validateUrl(asString(url), `${path}.url`);
}

const FORM = '; desired format: https://host[/path]';
/** Scheme, user, host, query and fragment. */
const URL_PARTS =
  /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/(?:([^/?#@]*)@)?([^/?#]*))?[^?#]*(?:\?([^#]*))?(?:#(.*))?$/s;

function validateUrl(url: string, path: string): FieldErrors {
  const [, scheme = '', user, host = '', query = '', fragment = ''] = URL_PARTS.exec(url) ?? [];
  const errors: FieldErrors = [];
  if (scheme !== 'https') errors.push(invalid(path, scheme, `'https' is the only allowed URL scheme${FORM}`));
  if (host === '') errors.push(invalid(path, host, `host must be specified${FORM}`));
  if (user !== undefined) errors.push(invalid(path, user, 'user information is not permitted in the URL'));
  if (fragment !== '') errors.push(invalid(path, fragment, 'fragments are not permitted in the URL'));
  if (query !== '') errors.push(invalid(path, query, 'query parameters are not permitted in the URL'));
  return errors;
}

const HTTPS = 443;

function validateService(service: Fields, at: string): FieldErrors {
  const errors: FieldErrors = [];
  for (const field of ['name', 'namespace'])
    if (asString(service[field]) === '')
      errors.push(required(`${at}.${field}`, `service ${field} is required`));
  const port = asNumber(service['port']) ?? HTTPS;
  const complaints = portNumber(port);
  if (complaints.length > 0)
    errors.push(invalid(`${at}.port`, port, `port is not valid: ${complaints.join(',')}`));
  append(errors, validatePath(asString(service['path']), `${at}.path`));
  return errors;
}

function validatePath(target: string, path: string): FieldErrors {
  if (target === '' || target === '/') return [];
  if (!target.startsWith('/')) return [invalid(path, target, "must start with a '/'")];
  const segments = target.slice(1).replace(/\/$/, '').split('/');
  return segments.flatMap((segment, index) => {
    if (segment === '') return [invalid(path, target, `segment[${index}] may not be empty`)];
    return dns1123Subdomain(segment).map((why) => invalid(path, target, `segment[${index}]: ${why}`));
  });
}
