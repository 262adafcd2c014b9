/**
 * Build step: what follows from the recorded schemas and field numbers, kind by kind, so that
 * nobody writes it down again.
 */
const REFERENCE = '#/components/schemas/';
const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
const POD_SPEC = 'io.k8s.api.core.v1.PodSpec';
const TIMES = [`${META}Time`, `${META}MicroTime`];
const ZEROES = ['', 0, false];
/** No pod template lies deeper: `spec.jobTemplate.spec.template.spec` has five steps. */
const MAX_DEPTH = 6;

const referenceOf = (schema) => (schema.$ref ?? schema.allOf?.[0]?.$ref)?.slice(REFERENCE.length);

/** Components that are kinds of their own, by `apiVersion/kind`. */
export function kindsOf(definitions) {
  return Object.entries(definitions).flatMap(([name, definition]) => {
    const types = definition['x-kubernetes-group-version-kind'] ?? [];
    // DeleteOptions and the like are listed under every group.
    if (types.length !== 1) return [];
    const { group, version, kind } = types[0];
    return [[`${group === '' ? '' : `${group}/`}${version}/${kind}`, name]];
  });
}

/** Where the pod's spec is in each kind that has one: `spec.template.spec`. */
export function podSpecPaths(definitions) {
  function find(name, path) {
    if (name === POD_SPEC) return path;
    if (path.length >= MAX_DEPTH) return undefined;
    for (const [member, schema] of Object.entries(definitions[name]?.properties ?? {})) {
      const target = referenceOf(schema);
      const found = target && find(target, [...path, member]);
      if (found) return found;
    }
    return undefined;
  }
  return Object.fromEntries(
    kindsOf(definitions).flatMap(([kind, name]) => {
      const path = find(name, []);
      return path ? [[kind, path.join('.')]] : [];
    }),
  );
}

/**
 * Objects before anything is set: the members that Go writes even when they are empty. A default
 * that is the zero itself says so in the schema; a required list or pointer is null, and so is a
 * time that is no pointer.
 */
export function blankObjects(definitions, fieldNumbers) {
  function blank(name) {
    const { properties = {}, required = [] } = definitions[name] ?? {};
    const isPointer = (member) => new RegExp(`\\b${member}(:\\d+)?\\?`).test(fieldNumbers[name]);
    const members = Object.entries(properties).flatMap(([member, schema]) => {
      const target = referenceOf(schema);
      if (target === `${META}ObjectMeta`) return [[member, {}]];
      if (ZEROES.includes(schema.default)) return [[member, schema.default]];
      if (schema.default !== undefined) return target ? [[member, blank(target)]] : [];
      const isTime = TIMES.includes(target) && fieldNumbers[name] !== undefined && !isPointer(member);
      return isTime || required.includes(member) ? [[member, null]] : [];
    });
    return Object.fromEntries(members);
  }
  return Object.fromEntries(kindsOf(definitions).map(([kind, name]) => [kind, blank(name)]));
}

/**
 * Reads field-numbers.txt. A line `Message Other: fields` is about messages with the same fields,
 * a line without a colon names the package of those that follow. A kind has a list with it.
 */
export function readFieldNumbers(text, definitions) {
  const numbers = {};
  let group = '';
  for (const line of text.trim().split('\n')) {
    const [names, fields] = line.split(': ');
    if (fields === undefined) group = names;
    else for (const name of names.split(' ')) numbers[`${group}.${name}`] = fields;
  }
  const lists = Object.keys(numbers).filter((name) => definitions[`${name}List`]);
  for (const name of lists) numbers[`${name}List`] ??= 'metadata items';
  return numbers;
}

/**
 * The members that identify the items of a list, by the name of the list. A name that has other
 * keys elsewhere has none. Lists of statuses are left out, since no manifest has them. The schema
 * in a CustomResourceDefinition (`x-…`) is compared as a whole.
 */
export function mergeKeys(definitions) {
  const found = new Map();
  function visit({ properties = {}, items }) {
    if (items) visit(items);
    for (const [name, schema] of Object.entries(properties)) {
      const keys = schema['x-kubernetes-list-map-keys']?.join(' ');
      if (keys && !name.startsWith('x-')) found.set(name, (found.get(name) ?? new Set()).add(keys));
      visit(schema);
    }
  }
  for (const [name, schema] of Object.entries(definitions)) if (!name.endsWith('Status')) visit(schema);
  const known = [...found].filter(([, keys]) => keys.size === 1);
  return Object.fromEntries(known.map(([name, [keys]]) => [name, keys.split(' ')]));
}
