/**
 * Applications: where the manifests come from and how they are kept in step. What Git itself
 * refuses (a branch that does not exist) is found at sync; here is what no repository could make
 * right.
 */
import { asList, asNumber, asRecord, asRecords, asString, type Fields, isAbsent } from '../../json-access.ts';
import type { KubeObject } from '../../object.ts';
import { isRefName } from '../../values/ref-name.ts';
import { dns1123Label } from '../../validation/names.ts';
import { positive } from '../../validation/numbers.ts';
import {
  append,
  type FieldErrors,
  forbidden,
  invalid,
  invalidAll,
  required,
} from '../../validation/report.ts';

/** URLs with a scheme, `user@host:path`, and absolute paths; never an option of Git. */
const REPOSITORY = /^(?:[a-z][a-z0-9+.-]*:\/\/\S+|[\w.-]+@[\w.-]+:\S+|\/\S.*)$/i;
const DURATION = /^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/;
const SYNC_OPTION = /^[A-Za-z]+=[A-Za-z0-9-]+$/;

export function validateApplication(object: KubeObject): FieldErrors {
  const spec = asRecord(object['spec']);
  const errors: FieldErrors = [];
  const sources = asList(spec['sources']);
  if (isAbsent(spec['source'])) {
    if (sources.length === 0) errors.push(required('spec.source'));
  } else append(errors, validateSource(asRecord(spec['source']), 'spec.source'));
  for (const [index, source] of sources.entries())
    append(errors, validateSource(asRecord(source), `spec.sources[${index}]`));
  return [
    ...errors,
    ...validateDestination(spec['destination']),
    ...validateSyncPolicy(asRecord(spec['syncPolicy'])),
    ...validateIgnored(spec['ignoreDifferences']),
  ];
}

function validateSource(source: Fields, path: string): FieldErrors {
  const errors: FieldErrors = [];
  const repository = asString(source['repoURL']);
  if (repository === '') errors.push(required(`${path}.repoURL`));
  else if (!REPOSITORY.test(repository))
    errors.push(
      invalid(`${path}.repoURL`, repository, 'must be the URL or the absolute path of a repository'),
    );
  const directory = asString(source['path']);
  if (directory.startsWith('/')) errors.push(invalid(`${path}.path`, directory, 'must be a relative path'));
  if (directory.split('/').includes('..'))
    errors.push(invalid(`${path}.path`, directory, "must not contain '..'"));
  const revision = asString(source['targetRevision']);
  if (revision !== '' && !isRefName(revision))
    errors.push(invalid(`${path}.targetRevision`, revision, 'must be a branch, a tag or a commit'));
  return errors;
}

function validateDestination(value: unknown): FieldErrors {
  const path = 'spec.destination';
  if (isAbsent(value)) return [required(path)];
  const { server, name, namespace } = asRecord(value);
  const errors: FieldErrors = [];
  if (asString(server) !== '' && asString(name) !== '')
    errors.push(forbidden(`${path}.name`, 'may not be specified when `server` is set'));
  const text = asString(namespace);
  if (text !== '') append(errors, invalidAll(`${path}.namespace`, text, dns1123Label(text)));
  return errors;
}

function validateSyncPolicy(policy: Fields): FieldErrors {
  const path = 'spec.syncPolicy';
  const errors: FieldErrors = [];
  for (const [index, option] of asList(policy['syncOptions']).entries()) {
    if (SYNC_OPTION.test(asString(option))) continue;
    errors.push(invalid(`${path}.syncOptions[${index}]`, option, 'must have the form Name=value'));
  }
  const retry = asRecord(policy['retry']);
  const limit = asNumber(retry['limit']);
  // A negative limit means no limit.
  if (limit !== undefined && limit < -1)
    errors.push(invalid(`${path}.retry.limit`, limit, 'must be greater than or equal to -1'));
  const backoff = asRecord(retry['backoff']);
  for (const field of ['duration', 'maxDuration']) {
    const duration = asString(backoff[field]);
    if (duration === '' || DURATION.test(duration) || /^\d+$/.test(duration)) continue;
    errors.push(
      invalid(`${path}.retry.backoff.${field}`, duration, "must be a duration, such as '5s' or '3m'"),
    );
  }
  return [...errors, ...positive(backoff['factor'], `${path}.retry.backoff.factor`)];
}

function validateIgnored(value: unknown): FieldErrors {
  return asRecords(value).flatMap((entry, index) => {
    const at = `spec.ignoreDifferences[${index}]`;
    const errors = asString(entry['kind']) === '' ? [required(`${at}.kind`)] : [];
    for (const [position, pointer] of asList(entry['jsonPointers']).entries()) {
      if (asString(pointer).startsWith('/')) continue;
      errors.push(invalid(`${at}.jsonPointers[${position}]`, pointer, "must begin with '/'"));
    }
    return errors;
  });
}
