/**
 * Build step (npm `prepare`): compiles the JSON Schemas to plain validator functions, so that no schema is compiled when
 * the program starts. Its inputs are what was recorded of Kubernetes (src/schemas/openapi) and the schemas of our own
 * kinds (src/schemas/kinds/KIND/schema.json). Writes src/schemas/generated/ (not kept in Git):
 *   validators.js   one validator per kind; shared definitions are compiled once
 *   definitions.js  the schemas themselves (defaults, merge keys, list types), for messages and patches
 *   derived.js      paths of pod specs, blank objects, protobuf numbers, merge keys (generate-derived.mjs)
 *   descriptions.js the texts of upstream about types and fields (generate-descriptions.mjs)
 * Does nothing while the inputs, the scripts and the versions of the packages are unchanged.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { blankObjects, mergeKeys, podSpecPaths, readFieldNumbers } from './generate-derived.mjs';
import { transformSync } from 'esbuild';
import { descriptionFiles } from './generate-descriptions.mjs';

const require = createRequire(import.meta.url);
const root = new URL('../', import.meta.url);
const recorded = new URL('src/schemas/openapi/kubernetes.json', root);
const numbers = new URL('src/schemas/openapi/field-numbers.txt', root);
const kinds = new URL('src/schemas/kinds/', root);
const output = new URL('src/schemas/generated/', root);
const SCRIPTS = ['generate.mjs', 'generate-derived.mjs', 'generate-descriptions.mjs'];

/**
 * Where Kubernetes' integer formats end. (Above 2^53 a JSON number has already lost digits; the
 * edge is coarse.)
 */
const INTEGER_RANGES = {
  int32: { minimum: -(2 ** 31), maximum: 2 ** 31 - 1 },
  int64: { minimum: -(2 ** 63), maximum: 2 ** 63 },
};
const PATTERNS = {
  byte: '^(?:[A-Za-z0-9+/\\r\\n]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?[\\r\\n]*$',
  'date-time': '^\\d{4}-\\d\\d-\\d\\d[Tt ]\\d\\d:\\d\\d:\\d\\d(?:\\.\\d+)?(?:[Zz]|[+-]\\d\\d:\\d\\d)$',
};

/**
 * The schema that ajv compiles: unknown properties refused, Kubernetes' own types in JSON Schema's
 * terms.
 */
function toStrict(schema) {
  if (schema.$ref) return { $ref: schema.$ref };
  if (schema.allOf?.length === 1) return toStrict(schema.allOf[0]);
  if (schema.oneOf || schema.anyOf)
    return { type: (schema.oneOf ?? schema.anyOf).map((option) => option.type) };
  const strict = { type: schema.type };
  if (schema.enum) strict.enum = schema.enum;
  if (schema.required) strict.required = schema.required;
  if (schema.items) strict.items = toStrict(schema.items);
  if (INTEGER_RANGES[schema.format]) Object.assign(strict, INTEGER_RANGES[schema.format]);
  if (PATTERNS[schema.format]) strict.pattern = PATTERNS[schema.format];
  if (schema.properties) {
    strict.properties = {};
    for (const name of Object.keys(schema.properties))
      strict.properties[name] = toStrict(schema.properties[name]);
    strict.additionalProperties = schema['x-kubernetes-preserve-unknown-fields'] === true;
  } else if (schema.additionalProperties) {
    strict.additionalProperties = toStrict(schema.additionalProperties);
  }
  return strict;
}

const HEADER = '// Made by scripts/generate.mjs; do not edit.\n';

/**
 * Ajv's `concat` costs the square of the number of errors; this stops at a limit
 * instead.
 */
const MAX_GATHERED_ERRORS = 200;
const GATHER = `function gather(all, more) {
  if (all === null) return more;
  for (const error of more) {
    if (all.length >= ${MAX_GATHERED_ERRORS}) break;
    all.push(error);
  }
  return all;
}
`;

function compile(definitions) {
  const { default: Ajv } = require('ajv');
  const { default: standaloneCode } = require('ajv/dist/standalone');
  const strict = {};
  for (const name of Object.keys(definitions)) strict[name] = toStrict(definitions[name]);
  const ajv = new Ajv({
    allErrors: true,
    messages: false,
    inlineRefs: false,
    strict: false,
    validateSchema: false,
    code: { source: true, esm: true },
  });
  ajv.addSchema({ $id: 'https://symphony.invalid/schemas', components: { schemas: strict } });
  const exported = {};
  const names = [];
  for (const name of Object.keys(definitions)) {
    if (!definitions[name]['x-kubernetes-group-version-kind']) continue;
    exported[`kind${names.length}`] = `https://symphony.invalid/schemas#/components/schemas/${name}`;
    names.push(name);
  }
  const table = names.map((name, index) => `  ${JSON.stringify(name)}: kind${index},`).join('\n');
  const code = standaloneCode(ajv, exported);
  const bounded = code.replace(
    /vErrors = vErrors === null \? (validate\d+|wrapper\d+\.validate)\.errors : vErrors\.concat\(\1\.errors\);/g,
    'vErrors = gather(vErrors, $1.errors);',
  );
  if (bounded.includes('vErrors.concat('))
    throw new Error('ajv writes its code in another form now: adapt `bounded`');
  if (code.includes('require(')) throw new Error('The compiled validators depend on a module at run time');
  // Nobody reads the path within the schema.
  const short = bounded.replace(/,schemaPath:"(?:[^"\\]|\\.)*"/g, '');
  const module = `${short}\n${GATHER}export const validators = {\n${table}\n};\n`;
  // V8 keeps the text of a program in memory: this is half of it.
  return HEADER + transformSync(module, { minify: true, lineLimit: 1_000 }).code;
}

function write(name, text) {
  const target = fileURLToPath(new URL(name, output));
  writeFileSync(`${target}.tmp`, text);
  renameSync(`${target}.tmp`, target);
}

const VALIDATORS_TYPES = `${HEADER}export interface ValidationError {
  readonly instancePath: string;
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
}
export interface Validator {
  (data: unknown): boolean;
  errors?: readonly ValidationError[] | null;
}
export const validators: Readonly<Record<string, Validator>>;
`;
const DEFINITIONS_TYPES = `${HEADER}export const definitions: Readonly<Record<string, unknown>>;
`;
const DERIVED_TYPES = `${HEADER}/** By \`apiVersion/kind\`: the dotted path of the pod's spec. */
export const podSpecPaths: Readonly<Record<string, string>>;
/** By \`apiVersion/kind\`: the members that upstream writes even when they are empty. */
export const blankObjects: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
/** By component: its fields in the order of their numbers; see src/api/protobuf/messages.ts. */
export const fieldNumbers: Readonly<Record<string, string>>;
/** By the name of a list: the members that identify an item. */
export const mergeKeys: Readonly<Record<string, readonly string[]>>;
`;

const constant = (name, value) =>
  `export const ${name} = JSON.parse(${JSON.stringify(JSON.stringify(value))});\n`;

/** The schemas of our own kinds, in the folders of these. */
const ownSchemas = () =>
  readdirSync(kinds)
    .map((folder) => new URL(`${folder}/schema.json`, kinds))
    .filter((file) => existsSync(file));

function main() {
  if (![recorded, numbers, kinds].every((input) => existsSync(input))) {
    // A package installed before its sources are there (a layer of a container build): run it again
    // afterwards.
    process.stderr.write('generate: src/schemas/openapi is not there yet, nothing generated\n');
    return;
  }
  const schemas = [recorded, ...ownSchemas()];
  const scripts = SCRIPTS.map((name) => new URL(name, import.meta.url));
  const hash = createHash('sha256');
  for (const input of [...schemas, numbers, ...scripts]) hash.update(readFileSync(input));
  for (const name of ['ajv', 'esbuild', 'kubernetes-models'])
    hash.update(require(`${name}/package.json`).version);
  const stamp = hash.digest('hex');
  const stampFile = new URL('stamp', output);
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp && !process.argv.includes('--force'))
    return;

  const read = (file) => JSON.parse(readFileSync(file, 'utf8'));
  const definitions = Object.assign({}, ...schemas.map(read));
  const fieldNumbers = readFieldNumbers(readFileSync(numbers, 'utf8'), definitions);
  mkdirSync(output, { recursive: true });
  write('validators.js', compile(definitions));
  write('validators.d.ts', VALIDATORS_TYPES);
  write('definitions.js', HEADER + constant('definitions', definitions));
  write('definitions.d.ts', DEFINITIONS_TYPES);
  const derived = [
    constant('podSpecPaths', podSpecPaths(definitions)),
    constant('blankObjects', blankObjects(definitions, fieldNumbers)),
    constant('fieldNumbers', fieldNumbers),
    constant('mergeKeys', mergeKeys(definitions)),
  ];
  write('derived.js', HEADER + derived.join(''));
  write('derived.d.ts', DERIVED_TYPES);
  for (const [name, text] of Object.entries(descriptionFiles(require, Object.keys(definitions))))
    write(name, text);
  write('stamp', stamp);
}

main();
