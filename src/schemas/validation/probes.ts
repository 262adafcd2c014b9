/** Handlers (exec, HTTP, TCP, gRPC, sleep), the probes and the lifecycle hooks that use them. */
import { asList, asNumber, asRecord, asRecords, asString, type Fields, isAbsent } from '../json-access.ts';
import { httpHeaderName, portName, portNumber } from './names.ts';
import { nonNegative, positive } from './numbers.ts';
import {
  append,
  type FieldErrors,
  forbidden,
  invalid,
  invalidAll,
  notSupported,
  required,
} from './report.ts';

const PROBE_NUMBERS = [
  'initialDelaySeconds',
  'timeoutSeconds',
  'periodSeconds',
  'successThreshold',
  'failureThreshold',
] as const;

type ProbeName = 'livenessProbe' | 'readinessProbe' | 'startupProbe';

export function validateProbe(value: unknown, name: ProbeName, path: string): FieldErrors {
  if (isAbsent(value)) return [];
  const probe = asRecord(value);
  const errors = validateHandler(probe, path, undefined);
  for (const field of PROBE_NUMBERS) append(errors, nonNegative(probe[field], `${path}.${field}`));
  append(errors, positive(probe['terminationGracePeriodSeconds'], `${path}.terminationGracePeriodSeconds`));
  const { successThreshold, terminationGracePeriodSeconds } = probe;
  if (name !== 'readinessProbe') {
    if (!isAbsent(successThreshold) && successThreshold !== 1)
      errors.push(invalid(`${path}.successThreshold`, successThreshold, 'must be 1'));
  } else if (!isAbsent(terminationGracePeriodSeconds)) {
    const at = `${path}.terminationGracePeriodSeconds`;
    errors.push(invalid(at, terminationGracePeriodSeconds, 'must not be set for readinessProbes'));
  }
  return errors;
}

export function validateLifecycle(value: unknown, graceSeconds: number, path: string): FieldErrors {
  if (isAbsent(value)) return [];
  const { postStart, preStop } = asRecord(value);
  const errors: FieldErrors = [];
  if (!isAbsent(postStart))
    append(errors, validateHandler(asRecord(postStart), `${path}.postStart`, graceSeconds));
  if (!isAbsent(preStop)) append(errors, validateHandler(asRecord(preStop), `${path}.preStop`, graceSeconds));
  return errors;
}

/** Exactly one handler. `graceSeconds` is given for lifecycle hooks, which may sleep. */
function validateHandler(handler: Fields, path: string, graceSeconds: number | undefined): FieldErrors {
  const errors: FieldErrors = [];
  let count = 0;
  const check = (name: string, validate: (action: Fields, at: string) => FieldErrors): void => {
    const action = handler[name];
    if (isAbsent(action)) return;
    count += 1;
    const at = `${path}.${name}`;
    if (count > 1) errors.push(forbidden(at, 'may not specify more than 1 handler type'));
    else append(errors, validate(asRecord(action), at));
  };
  check('exec', (exec, at) => (asList(exec['command']).length === 0 ? [required(`${at}.command`)] : []));
  check('httpGet', validateHttpGet);
  check('tcpSocket', (socket, at) => validatePort(socket['port'], `${at}.port`));
  if (graceSeconds === undefined)
    check('grpc', (grpc, at) => validatePort(asNumber(grpc['port']), `${at}.port`));
  else check('sleep', (sleep, at) => validateSleep(sleep, graceSeconds, at));
  if (count === 0) errors.push(required(path, 'must specify a handler type'));
  return errors;
}

function validateHttpGet(action: Fields, path: string): FieldErrors {
  const errors: FieldErrors = [];
  if (asString(action['path']) === '') errors.push(required(`${path}.path`));
  append(errors, validatePort(action['port'], `${path}.port`));
  const scheme = asString(action['scheme']);
  if (scheme !== 'HTTP' && scheme !== 'HTTPS')
    errors.push(notSupported(`${path}.scheme`, scheme, ['HTTP', 'HTTPS']));
  for (const header of asRecords(action['httpHeaders'])) {
    const name = asString(header['name']);
    append(errors, invalidAll(`${path}.httpHeaders`, name, httpHeaderName(name)));
  }
  return errors;
}

function validateSleep(sleep: Fields, graceSeconds: number, path: string): FieldErrors {
  const seconds = asNumber(sleep['seconds']) ?? 0;
  if (seconds >= 0 && seconds <= graceSeconds) return [];
  const detail = `must be non-negative and less than terminationGracePeriodSeconds (${graceSeconds})`;
  return [invalid(path, seconds, detail)];
}

/** A port by number or by name. */
export function validatePort(port: unknown, path: string): FieldErrors {
  if (typeof port === 'string') return invalidAll(path, port, portName(port));
  return invalidAll(path, port ?? 0, portNumber(port));
}
