/**
 * Field selectors (`status.phase!=Running,spec.nodeName=a`): parsing with upstream's escapes and messages, and the
 * fields that each kind can be selected by.
 */
import { asRecord, asString, getPath } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { type ResourceId, type ResourceKind, resourceIdOf } from '../resource-kind.ts';
import { badRequest, quote } from '../errors/status.ts';

export interface FieldRequirement {
  readonly field: string;
  readonly operator: '=' | '!=';
  readonly value: string;
}

type Extract = (object: KubeObject) => string;

const text =
  (...path: readonly string[]): Extract =>
  (object) =>
    scalarText(getPath(object, ...path));
/** A boolean that is stored only when true. */
const flag =
  (...path: readonly string[]): Extract =>
  (object) =>
    String(getPath(object, ...path) === true);

function scalarText(value: unknown): string {
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : asString(value);
}

const METADATA: Readonly<Record<string, Extract>> = {
  'metadata.name': text('metadata', 'name'),
  'metadata.namespace': text('metadata', 'namespace'),
};

/** What a kind offers beyond name and namespace. */
const FIELDS: Readonly<Record<ResourceId, Readonly<Record<string, Extract>>>> = {
  pods: {
    'spec.nodeName': text('spec', 'nodeName'),
    'spec.restartPolicy': text('spec', 'restartPolicy'),
    'spec.schedulerName': text('spec', 'schedulerName'),
    'spec.serviceAccountName': text('spec', 'serviceAccountName'),
    'spec.hostNetwork': flag('spec', 'hostNetwork'),
    'status.phase': text('status', 'phase'),
    'status.podIP': text('status', 'podIP'),
    'status.nominatedNodeName': text('status', 'nominatedNodeName'),
  },
  events: {
    'involvedObject.kind': text('involvedObject', 'kind'),
    'involvedObject.namespace': text('involvedObject', 'namespace'),
    'involvedObject.name': text('involvedObject', 'name'),
    'involvedObject.uid': text('involvedObject', 'uid'),
    'involvedObject.apiVersion': text('involvedObject', 'apiVersion'),
    'involvedObject.resourceVersion': text('involvedObject', 'resourceVersion'),
    'involvedObject.fieldPath': text('involvedObject', 'fieldPath'),
    reason: text('reason'),
    reportingComponent: (event) =>
      asString(event['reportingComponent']) || asString(getPath(event, 'source', 'component')),
    source: (event) =>
      asString(asRecord(event['source'])['component']) || asString(event['reportingComponent']),
    type: text('type'),
  },
  'events.events.k8s.io': {
    'regarding.kind': text('regarding', 'kind'),
    'regarding.namespace': text('regarding', 'namespace'),
    'regarding.name': text('regarding', 'name'),
    'regarding.uid': text('regarding', 'uid'),
    'regarding.apiVersion': text('regarding', 'apiVersion'),
    'regarding.resourceVersion': text('regarding', 'resourceVersion'),
    'regarding.fieldPath': text('regarding', 'fieldPath'),
    reason: text('reason'),
    reportingController: (event) =>
      asString(event['reportingController']) || asString(getPath(event, 'deprecatedSource', 'component')),
    type: text('type'),
  },
  'certificatesigningrequests.certificates.k8s.io': { 'spec.signerName': text('spec', 'signerName') },
  nodes: { 'spec.unschedulable': flag('spec', 'unschedulable') },
  namespaces: { name: text('metadata', 'name'), 'status.phase': text('status', 'phase') },
  secrets: { type: text('type') },
  services: { 'spec.clusterIP': text('spec', 'clusterIP'), 'spec.type': text('spec', 'type') },
  replicationcontrollers: { 'status.replicas': text('status', 'replicas') },
  'replicasets.apps': { 'status.replicas': text('status', 'replicas') },
};

/** Reads the text of a selector; throws a 400 `Status` error with upstream's message. */
export function parseFieldSelector(selector: string): readonly FieldRequirement[] {
  return splitTerms(selector)
    .sort()
    .filter((term) => term !== '')
    .map((term) => parseTerm(term, selector));
}

/** Splits at commas that no backslash precedes. */
function splitTerms(selector: string): string[] {
  const terms: string[] = [];
  let start = 0;
  for (let at = 0; at < selector.length; at += 1) {
    if (selector[at] === '\\') at += 1;
    else if (selector[at] === ',') {
      terms.push(selector.slice(start, at));
      start = at + 1;
    }
  }
  terms.push(selector.slice(start));
  return terms;
}

function parseTerm(term: string, selector: string): FieldRequirement {
  const match = /^((?:\\.|[^\\=!]|!(?!=))*?)(!=|==|=)([\s\S]*)$/.exec(term);
  if (!match) throw badRequest(`invalid selector: '${selector}'; can't understand '${term}'`);
  const [, field = '', operator, escaped = ''] = match;
  return { field, operator: operator === '!=' ? '!=' : '=', value: unescapeValue(escaped) };
}

function unescapeValue(escaped: string): string {
  let value = '';
  for (let at = 0; at < escaped.length; at += 1) {
    const char = escaped.charAt(at);
    if (char === ',' || char === '=')
      throw badRequest(`invalid field selector: unescaped character in value: ${char}`);
    if (char !== '\\') {
      value += char;
      continue;
    }
    at += 1;
    const next = escaped.charAt(at);
    if (next !== '\\' && next !== ',' && next !== '=') {
      throw badRequest(`invalid field selector: invalid escape sequence: \\${next}`);
    }
    value += next;
  }
  return value;
}

export function formatFieldSelector(requirements: readonly FieldRequirement[]): string {
  const escape = (value: string): string => value.replace(/[\\,=]/g, (char) => `\\${char}`);
  return requirements.map(({ field, operator, value }) => `${field}${operator}${escape(value)}`).join(',');
}

type Selectable = Pick<ResourceKind, 'group' | 'plural' | 'custom'>;

const extractorOf = (kind: Selectable, field: string): Extract | undefined => {
  if (Object.hasOwn(METADATA, field)) return METADATA[field];
  if (kind.custom)
    return kind.custom.selectableFields.includes(field) ? text(...field.split('.')) : undefined;
  const own = FIELDS[resourceIdOf(kind)];
  return own && Object.hasOwn(own, field) ? own[field] : undefined;
};

/** Throws a 400 `Status` error when the kind cannot be selected by one of the fields. */
export function checkFieldSelector(kind: Selectable, requirements: readonly FieldRequirement[]): void {
  const id = resourceIdOf(kind);
  for (const { field } of requirements) {
    if (extractorOf(kind, field)) continue;
    throw badRequest(
      FIELDS[id] !== undefined || kind.custom
        ? `field label not supported: ${field}`
        : `${quote(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`,
    );
  }
}

/** The value of a field of an object, or undefined where the kind has no such field. */
export function fieldValue(kind: Selectable, object: KubeObject, field: string): string | undefined {
  return extractorOf(kind, field)?.(object);
}

/** Fields that the kind does not have match nothing. */
export function matchesFieldSelector(
  kind: Selectable,
  requirements: readonly FieldRequirement[],
  object: KubeObject,
): boolean {
  return requirements.every(({ field, operator, value }) => {
    const actual = fieldValue(kind, object, field);
    return actual !== undefined && (actual === value) === (operator === '=');
  });
}
