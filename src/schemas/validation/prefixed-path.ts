/** Names such as `acme.io/foo`: a domain, a slash, and what that domain means by the rest. */
import { dns1123Subdomain } from './names.ts';
import { append, type FieldErrors, invalid, invalidAll, required, tooLong } from './report.ts';

const PATH = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";
const PATH_RE = new RegExp(`^${PATH}$`);

export function validatePrefixedPath(name: string, path: string, maxBytes: number): FieldErrors {
  const errors: FieldErrors = name.length > maxBytes ? [tooLong(path, maxBytes)] : [];
  if (name === '') return [required(path)];
  const slash = name.indexOf('/');
  const [domain, rest] = [name.slice(0, slash), name.slice(slash + 1)];
  if (slash < 1 || rest === '')
    return [...errors, invalid(path, name, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  append(errors, invalidAll(path, domain, dns1123Subdomain(domain)));
  if (!PATH_RE.test(rest))
    errors.push(invalid(path, rest, `Invalid path (regex used for validation is '${PATH}')`));
  return errors;
}
