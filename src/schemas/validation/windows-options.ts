/** Options of Windows containers. Nothing runs them; they are stored as upstream does. */
import { asRecord, asRecords, asString, type Fields, isAbsent } from '../json-access.ts';
import { dns1123Subdomain } from './names.ts';
import { append, byteLength, type FieldErrors, invalid, invalidAll } from './report.ts';

const KIBIBYTE = 1024;
const MAX_CREDENTIAL_SPEC_BYTES = 64 * KIBIBYTE;
/** Active Directory's limits. */
const MAX_USER_CHARACTERS = 104;
const MAX_DOMAIN_CHARACTERS = 256;
const FORBIDDEN_CHARACTERS = '"/\\:;|=,+*?<>@[]';
/** Those of ASCII. */
const CONTROL_RE = /[^\P{Cc}\u0080-\u009f]/u;
const FORBIDDEN_RE = /["/\\:;|=,+*?<>@[\]]/;

export function validateWindowsOptions(value: unknown, path: string): FieldErrors {
  if (isAbsent(value)) return [];
  const { gmsaCredentialSpecName: name, gmsaCredentialSpec: credentials, runAsUserName } = asRecord(value);
  const errors: FieldErrors = [];
  if (!isAbsent(name)) {
    const text = asString(name);
    append(errors, invalidAll(`${path}.gmsaCredentialSpecName`, text, dns1123Subdomain(text)));
  }
  if (!isAbsent(credentials)) {
    const text = asString(credentials);
    const at = `${path}.gmsaCredentialSpec`;
    if (text === '') errors.push(invalid(at, text, 'gmsaCredentialSpec cannot be an empty string'));
    else if (byteLength(text) > MAX_CREDENTIAL_SPEC_BYTES) {
      const detail = `gmsaCredentialSpec size must be under ${MAX_CREDENTIAL_SPEC_BYTES / KIBIBYTE} KiB`;
      errors.push(invalid(at, text, detail));
    }
  }
  if (isAbsent(runAsUserName)) return errors;
  const user = asString(runAsUserName);
  return [...errors, ...invalidAll(`${path}.runAsUserName`, user, userComplaints(user))];
}

/** `user` or `domain\user`. */
function userComplaints(name: string): string[] {
  if (name === '') return ['runAsUserName cannot be an empty string'];
  if (CONTROL_RE.test(name)) return ['runAsUserName cannot contain control characters'];
  const parts = name.split('\\');
  if (parts.length > 2) return ['runAsUserName cannot contain more than one backslash'];
  const user = parts.at(-1) ?? '';
  const complaints: string[] = [];
  if (parts.length === 2) append(complaints, domainComplaints(parts[0] ?? ''));
  if (user === '') complaints.push("runAsUserName's User cannot be empty");
  else if (byteLength(user) > MAX_USER_CHARACTERS)
    complaints.push(`runAsUserName's User length must not be longer than ${MAX_USER_CHARACTERS} characters`);
  if (user !== '' && /^[. ]+$/.test(user))
    complaints.push("runAsUserName's User cannot contain only periods or spaces");
  if (FORBIDDEN_RE.test(user))
    complaints.push(`runAsUserName's User cannot contain the following characters: ${FORBIDDEN_CHARACTERS}`);
  return complaints;
}

const NET_BIOS = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/u;
const DNS_LABEL = /^[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$/;

/** A NetBIOS name or a DNS name. */
function domainComplaints(domain: string): string[] {
  const isNetBios = NET_BIOS.test(domain);
  const isDns = domain.split('.').every((label) => DNS_LABEL.test(label));
  const complaints: string[] = [];
  if (byteLength(domain) >= MAX_DOMAIN_CHARACTERS)
    complaints.push(`runAsUserName's Domain length must be under ${MAX_DOMAIN_CHARACTERS} characters`);
  if (!isNetBios && !isDns)
    complaints.push("runAsUserName's Domain doesn't match the NetBios nor the DNS format");
  return complaints;
}

const isHostProcess = (context: unknown): unknown =>
  asRecord(asRecord(context)['windowsOptions'])['hostProcess'];

/** All containers of a pod are host processes or none, and they need the host's network. */
export function validateHostProcess(spec: Fields, path: string): FieldErrors {
  const { securityContext, hostNetwork } = spec;
  const ofPod = isHostProcess(securityContext);
  const containers = ['initContainers', 'containers', 'ephemeralContainers'].flatMap((list) =>
    asRecords(spec[list]).map((container, index) => ({
      own: isHostProcess(container['securityContext']),
      at: `${path}.${list}[${index}].securityContext.windowsOptions.hostProcess`,
    })),
  );
  const errors: FieldErrors = [];
  for (const { own, at } of containers) {
    if (isAbsent(ofPod) || isAbsent(own) || own === ofPod) continue;
    errors.push(
      invalid(
        at,
        own,
        `pod hostProcess value must be identical if both are specified, was ${ofPod === true}`,
      ),
    );
  }
  const effective = containers.map(({ own }) => (isAbsent(own) ? ofPod === true : own === true));
  if (!effective.includes(true)) return errors;
  if (effective.includes(false)) {
    const detail =
      'If pod contains any hostProcess containers then all containers must be HostProcess containers';
    errors.push(invalid(path, '', detail));
  }
  if (hostNetwork !== true)
    errors.push(
      invalid(
        `${path}.hostNetwork`,
        false,
        'hostNetwork must be true if pod contains any hostProcess containers',
      ),
    );
  return errors;
}
