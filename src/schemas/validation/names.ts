/**
 * The grammars of names: each function returns the errors in upstream's words.
 * Sources: RFC 1123, RFC 1035, and the rules of Kubernetes' `validation` and `content` packages.
 */
import { append, byteLength } from './report.ts';

const DNS1123_LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const DNS1123_SUBDOMAIN = `${DNS1123_LABEL}(\\.${DNS1123_LABEL})*`;
const DNS1035_LABEL = '[a-z]([-a-z0-9]*[a-z0-9])?';
const QUALIFIED_NAME = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const LABEL_VALUE = `(${QUALIFIED_NAME})?`;
const CONFIG_KEY = '[-._a-zA-Z0-9]+';
const PERCENT = '[0-9]+%';
const HTTP_HEADER = '[-A-Za-z0-9]+';
const SEARCH_LABEL = '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?';

const matcher = (pattern: string): RegExp => new RegExp(`^(?:${pattern})$`);
const DNS1123_LABEL_RE = matcher(DNS1123_LABEL);
const SEARCH_LABEL_RE = matcher(SEARCH_LABEL);
const DNS1035_LABEL_RE = matcher(DNS1035_LABEL);
const QUALIFIED_NAME_RE = matcher(QUALIFIED_NAME);
const LABEL_VALUE_RE = matcher(LABEL_VALUE);
const CONFIG_KEY_RE = matcher(CONFIG_KEY);
const PERCENT_RE = matcher(PERCENT);
const HTTP_HEADER_RE = matcher(HTTP_HEADER);

export const MAX_SUBDOMAIN = 253;
export const MAX_LABEL = 63;
const MAX_PORT_NAME = 15;

function grammar(text: string, pattern: string, ...examples: readonly string[]): string {
  const list = examples.map((example) => `'${example}', `).join(' or ');
  return `${text} (e.g. ${list}regex used for validation is '${pattern}')`;
}

export const maxCharacters = (max: number): string => `must be no more than ${max} characters`;
const maxBytes = (max: number): string => `must be no more than ${max} bytes`;

const DNS1123_LABEL_TEXT = grammar(
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
  DNS1123_LABEL,
  'my-name',
  '123-abc',
);
const DNS1123_SUBDOMAIN_TEXT = grammar(
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
  DNS1123_SUBDOMAIN,
  'example.com',
);
const SEARCH_PATH_TEXT = grammar(
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character",
  `${SEARCH_LABEL}(\\.${SEARCH_LABEL})*`,
  'example.com',
);
const DNS1035_LABEL_TEXT = grammar(
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
  DNS1035_LABEL,
  'my-name',
  'abc-123',
);
const QUALIFIED_NAME_TEXT = grammar(
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  QUALIFIED_NAME,
  'MyName',
  'my.name',
  '123-abc',
);
const LABEL_VALUE_TEXT = grammar(
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  LABEL_VALUE,
  'MyValue',
  'my_value',
  '12345',
);
const CONFIG_KEY_TEXT = grammar(
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
  CONFIG_KEY,
  'key.name',
  'KEY_NAME',
  'key-name',
);
const PERCENT_TEXT = grammar(
  "a valid percent string must be a numeric string followed by an ending '%'",
  PERCENT,
  '1%',
  '93%',
);
const HTTP_HEADER_TEXT = grammar(
  "a valid HTTP header must consist of alphanumeric characters or '-'",
  HTTP_HEADER,
  'X-Header-Name',
);

function bounded(text: string, max: number, pattern: RegExp, complaint: string): string[] {
  const complaints: string[] = [];
  if (text.length > max) complaints.push(maxCharacters(max));
  if (!pattern.test(text)) complaints.push(complaint);
  return complaints;
}

export type NameRule = (name: string) => readonly string[];

export const dns1123Label: NameRule = (name) => {
  const complaints = bounded(name, MAX_LABEL, DNS1123_LABEL_RE, DNS1123_LABEL_TEXT);
  const isSubdomain = dns1123Subdomain(name).length === 0;
  return complaints.map((text) =>
    text === DNS1123_LABEL_TEXT && isSubdomain ? 'must not contain dots' : text,
  );
};

export const dns1035Label: NameRule = (name) =>
  bounded(name, MAX_LABEL, DNS1035_LABEL_RE, DNS1035_LABEL_TEXT);

const isSubdomainText = (name: string): boolean =>
  name.split('.').every((label) => DNS1123_LABEL_RE.test(label));

/** Checked label by label, since the one expression takes exponential time on hostile names. */
export const dns1123Subdomain: NameRule = (name) => {
  const complaints: string[] = [];
  if (name.length > MAX_SUBDOMAIN) complaints.push(maxCharacters(MAX_SUBDOMAIN));
  if (!isSubdomainText(name)) complaints.push(DNS1123_SUBDOMAIN_TEXT);
  return complaints;
};

/** Names that are segments of a path, no more: `system:node`, `Any Thing`. */
export const pathSegment: NameRule = (name) => {
  if (name === '.' || name === '..') return [`may not be '${name}'`];
  return ['/', '%'].filter((char) => name.includes(char)).map((char) => `may not contain '${char}'`);
};

/** A subdomain before the slash of a label key, whose length counts bytes. */
const labelPrefix: NameRule = (prefix) => [
  ...(byteLength(prefix) > MAX_SUBDOMAIN ? [maxBytes(MAX_SUBDOMAIN)] : []),
  ...(isSubdomainText(prefix) ? [] : [DNS1123_SUBDOMAIN_TEXT]),
];

/** A search path of a resolver may have underscores. */
export const dnsSearchPath: NameRule = (name) => [
  ...(name.length > MAX_SUBDOMAIN ? [maxCharacters(MAX_SUBDOMAIN)] : []),
  ...(name.split('.').every((label) => SEARCH_LABEL_RE.test(label)) ? [] : [SEARCH_PATH_TEXT]),
];

/** `metadata.generateName` is a prefix: a dash at its end is fine, because more follows. */
export function maskTrailingDash(prefix: string): string {
  return prefix.length > 1 && prefix.endsWith('-') ? `${prefix.slice(0, -2)}a` : prefix;
}

/** Keys of labels and annotations, finalizers, resources: optional DNS prefix, slash, name. */
export function qualifiedName(text: string): string[] {
  const complaints: string[] = [];
  const parts = text.split('/');
  let name = text;
  if (parts.length === 2) {
    const [prefix = '', rest = ''] = parts;
    name = rest;
    if (prefix === '') complaints.push('prefix part must be non-empty');
    else
      append(
        complaints,
        labelPrefix(prefix).map((complaint) => `prefix part ${complaint}`),
      );
  } else if (parts.length > 2)
    return [
      `a valid label key ${QUALIFIED_NAME_TEXT} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  if (name === '') complaints.push('name part must be non-empty');
  else if (byteLength(name) > MAX_LABEL) complaints.push(`name part ${maxBytes(MAX_LABEL)}`);
  if (!QUALIFIED_NAME_RE.test(name)) complaints.push(`name part ${QUALIFIED_NAME_TEXT}`);
  return complaints;
}

export function labelValue(value: string): string[] {
  const complaints: string[] = [];
  if (byteLength(value) > MAX_LABEL) complaints.push(maxBytes(MAX_LABEL));
  if (!LABEL_VALUE_RE.test(value)) complaints.push(LABEL_VALUE_TEXT);
  return complaints;
}

/** Keys of ConfigMaps and Secrets: they become file names. */
export function configKey(key: string): string[] {
  const complaints = bounded(key, MAX_SUBDOMAIN, CONFIG_KEY_RE, CONFIG_KEY_TEXT);
  if (key === '.') complaints.push("must not be '.'");
  else if (key === '..') complaints.push("must not be '..'");
  else if (key.startsWith('..')) complaints.push("must not start with '..'");
  return complaints;
}

export function environmentName(name: string): string[] {
  const text =
    "a valid environment variable name must consist only of printable ASCII characters other than '='";
  return /^[ -<>-~]+$/.test(name) ? [] : [text];
}

/** IANA service names (RFC 6335), as ports are named. */
export function portName(name: string): string[] {
  const complaints: string[] = [];
  if (name.length > MAX_PORT_NAME) complaints.push(maxCharacters(MAX_PORT_NAME));
  if (!/^[-a-z0-9]+$/.test(name))
    complaints.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(name)) complaints.push('must contain at least one letter (a-z)');
  if (name.includes('--')) complaints.push('must not contain consecutive hyphens');
  if (name.startsWith('-') || name.endsWith('-')) complaints.push('must not begin or end with a hyphen');
  return complaints;
}

export function portNumber(port: unknown): string[] {
  const fine = typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65_535;
  return fine ? [] : [inRange(1, 65_535)];
}

export const inRange = (low: number, high: number): string => `must be between ${low} and ${high}, inclusive`;

export const percentText = (text: string): string[] => (PERCENT_RE.test(text) ? [] : [PERCENT_TEXT]);

export const httpHeaderName = (name: string): string[] =>
  HTTP_HEADER_RE.test(name) ? [] : [HTTP_HEADER_TEXT];

/** A wildcard host of an ingress: `*.` and a subdomain. */
export function wildcardSubdomain(host: string): string[] {
  const pattern = `\\*\\.${DNS1123_SUBDOMAIN}`;
  if (host.startsWith('*.') && dns1123Subdomain(host.slice(2)).length === 0) return [];
  const text = grammar(
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
    pattern,
    '*.example.com',
  );
  return [text];
}
