import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  defaultManifestLimits,
  formatManifestError,
  readManifests,
  readYamlDocument,
} from '../../../src/schemas/manifest/index.ts';

const read = (text: string | Uint8Array, path = 'a.yaml', limits = defaultManifestLimits) =>
  readManifests({ path, bytes: typeof text === 'string' ? new TextEncoder().encode(text) : text }, limits);
const onlyError = (text: string | Uint8Array, path?: string): string => {
  const { documents, errors } = read(text, path);
  expect(documents).toEqual([]);
  expect(errors).toHaveLength(1);
  return formatManifestError(errors[0]!);
};
const dataOf = (body: string): unknown => {
  const { documents, errors } = read(`apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n${body}`);
  expect(errors).toEqual([]);
  return documents[0]?.object['data'];
};

describe('values', () => {
  test.each([
    ['0644', 420],
    ['0o17', 15],
    ['0x1F', 31],
    ['0b101', 5],
    ['1_000', 1000],
    ['08', 8],
    ['1e3', 1000],
    ['.5', 0.5],
    ['-0', 0],
    ['yes', true],
    ['NO', false],
    ['on', true],
    ['y', true],
    ['~', null],
    ['', null],
    ['22:80', '22:80'],
    ['2001-12-14', '2001-12-14'],
    ['1.2.3', '1.2.3'],
    ['10.0.0.1/8', '10.0.0.1/8'],
    ['"yes"', 'yes'],
    ["'0644'", '0644'],
    ['!!str 123', '123'],
    ['!!binary aGk=', 'hi'],
    ['1__', 1],
    ['+', '+'],
    ['-', '-'],
  ])('reads %s as a Kubernetes API server does', (text, expected) => {
    if (text === '-') expect(dataOf('  a: "-"')).toEqual({ a: expected });
    else expect(dataOf(`  a: ${text}`)).toEqual({ a: expected });
  });

  test('keys that are no text are written as JSON writes them', () => {
    expect(dataOf('  on: a\n  8080: b\n  1.5: c')).toEqual({ true: 'a', '8080': 'b', '1.5': 'c' });
  });

  test.each(['9007199254740993', '.nan', '-.inf', '1e999'])('refuses %s, which JSON cannot hold', (text) => {
    expect(onlyError(`kind: A\na: ${text}`)).toMatch(/^a\.yaml:2:4: the number .* (?:exactly|out of range)/);
  });

  test.each([
    ['a tagged merge key', '  !!merge <<: {a: 1}\n  b: 2', { a: 1, b: 2 }],
    ['a quoted merge key with its tag', '  !!merge "<<": {a: 1}', { a: 1 }],
    ['a verbatim tag', '  !<tag:yaml.org,2002:merge> <<: {a: 1}', { a: 1 }],
    ['a quoted key without a tag', '  "<<": x', { '<<': 'x' }],
    ['a set', '  a: !!set {x, z}', { a: { x: null, z: null } }],
    ['an ordered map', '  a: !!omap [{x: 1}]', { a: [{ x: 1 }] }],
  ])('reads %s as Kubernetes does', (_what, text, data) => {
    expect(dataOf(text)).toEqual(data);
  });

  test('keeps keys that every JavaScript object inherits', () => {
    const data = JSON.parse('{"__proto__": "x", "constructor": "v"}') as unknown;
    expect(JSON.stringify(dataOf('  __proto__: x\n  constructor: v'))).toBe(JSON.stringify(data));
    expect(JSON.stringify(dataOf('  <<: {__proto__: x}\n  constructor: v'))).toBe(JSON.stringify(data));
  });

  test('merges mappings, keys written out win, and the first merged mapping wins', () => {
    expect(dataOf('  <<: [{a: 1, b: 1}, {a: 2, c: 2}]\n  b: 3')).toEqual({ a: 1, b: 3, c: 2 });
  });

  test('closes a flow list at the column of its key, as people do', () => {
    const { documents, errors } = read(
      'apiVersion: v1\nkind: A\nspec:\n  args: [\n  "a",\n  "b"\n  ]\n  z: 1\n',
    );
    expect(errors).toEqual([]);
    expect(documents[0]?.object['spec']).toEqual({ args: ['a', 'b'], z: 1 });
    expect(documents[0]?.locate('spec.args[1]')).toEqual({ line: 6, column: 3 });
    expect(documents[0]?.locate('spec.z')).toEqual({ line: 8, column: 3 });
  });
});

describe('files', () => {
  test.each(['', '\n\n', '# only a comment\n', '---\n---\n', '\uFEFF', '--- # a\n# b\n...\n'])(
    'an empty file (%j) holds nothing and is no error',
    (text) => expect(read(text)).toEqual({ documents: [], errors: [] }),
  );

  test('skips empty documents', () => {
    const { documents } = read(
      '---\n# nothing\n---\napiVersion: v1\nkind: A\n---\n---\napiVersion: v1\nkind: B\n',
    );
    expect(documents.map(({ object, source }) => [object.kind, source.line])).toEqual([
      ['A', 4],
      ['B', 8],
    ]);
  });

  test('reads a byte order mark and CRLF line ends', () => {
    const { documents } = read('\uFEFFapiVersion: v1\r\nkind: A\r\nmetadata:\r\n  name: x\r\n');
    expect(documents[0]?.object).toEqual({ apiVersion: 'v1', kind: 'A', metadata: { name: 'x' } });
    expect(documents[0]?.locate('metadata.name')).toEqual({ line: 4, column: 3 });
  });

  test('reads JSON indented with tabs', () => {
    const { documents, errors } = read(
      '{\n\t"apiVersion": "v1",\n\t"kind": "A",\n\t"x": "\\u00e9\\/"\n}\n',
      'a.json',
    );
    expect(errors).toEqual([]);
    expect(documents[0]?.object).toEqual({ apiVersion: 'v1', kind: 'A', x: 'é/' });
  });

  test("somebody else's YAML is no manifest", () => {
    expect(read('image:\n  tag: x\n').notManifest).toContain('no document has apiVersion');
    expect(read('- a\n- b\n').notManifest).toBeDefined();
  });

  test('a manifest without its kind, or next to a document that is none, is an error', () => {
    expect(onlyError('apiVersion: v1\nmetadata: {name: a}\n')).toBe('a.yaml:1:1: kind is missing');
    expect(onlyError('metadata:\n  name: a\n')).toBe('a.yaml:1:1: apiVersion and kind are missing');
    expect(onlyError('apiVersion: v1\nkind: 3\n')).toBe('a.yaml:2:1: kind must be a non-empty string');
    expect(onlyError('apiVersion: v1\nkind: A\n---\n- x\n')).toBe(
      'a.yaml:4:1: a manifest must be an object, not a list',
    );
  });
});

describe('lists', () => {
  test('a List inside a List is flattened, with the place of each item', () => {
    const { documents } = read(
      'apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items:\n  - apiVersion: v1\n    kind: A\n- apiVersion: v1\n  kind: B\n',
    );
    expect(documents.map(({ object, source }) => [object.kind, source.line])).toEqual([
      ['A', 7],
      ['B', 9],
    ]);
    expect(documents[0]?.locate('kind')).toEqual({ line: 8, column: 5 });
    expect(documents[1]?.locate('spec.missing')).toEqual({ line: 9, column: 3 });
  });

  test('items of a typed list take the type from it', () => {
    const { documents } = read('apiVersion: v1\nkind: ConfigMapList\nitems: [{metadata: {name: a}}]\n');
    expect(documents[0]?.object).toEqual({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } });
  });

  test('an item that is no object is an error at its place', () => {
    expect(onlyError('apiVersion: v1\nkind: List\nitems:\n- 3\n')).toBe(
      'a.yaml:4:3: a manifest must be an object, not a number',
    );
  });
});

describe('places', () => {
  const text = `apiVersion: v1
kind: ConfigMap
metadata:
  name: x
  annotations:
    example.com/a.b: y
data:
  tls.crt: z
spec: {a: [1, {b: 2}]}
`;
  test.each([
    ['', 1, 1],
    ['metadata.name', 4, 3],
    ['metadata.annotations[example.com/a.b]', 6, 5],
    ['metadata.annotations.example.com/a.b', 6, 5],
    ['metadata.labels', 3, 1],
    ['data[tls.crt]', 8, 3],
    ['spec.a[1].b', 9, 16],
    ['spec.a[7].b', 9, 8],
    ['nothing[3].like.this', 1, 1],
  ])('finds %j', (path, line, column) => {
    expect(read(text).documents[0]?.locate(path)).toEqual({ line, column });
  });
});

describe('abuse', () => {
  const cases: readonly (readonly [string, string | Uint8Array, RegExp])[] = [
    ['a duplicate key', 'kind: A\nx: 1\nx: 2\n', /^a\.yaml:3:1: duplicate key "x"/],
    ['a duplicate key of two spellings', 'kind: A\nyes: 1\ntrue: 2\n', /duplicate key "true"/],
    ['a tab as indentation', 'kind: A\na:\n\t- b\n', /^a\.yaml:3:1: not valid YAML: tab/],
    ['UTF-16', new Uint8Array([0xff, 0xfe, 0x61, 0]), /UTF-16/],
    [
      'UTF-16 without a mark',
      new Uint8Array([0x61, 0, 0x3a, 0]),
      /^a\.yaml:1:2: the file contains a NUL byte/,
    ],
    [
      'invalid UTF-8',
      new Uint8Array([0x61, 0x3a, 0x0a, 0x20, 0xc3, 0x28]),
      /^a\.yaml:2:2: the file is not valid UTF-8/,
    ],
    ['overlong UTF-8', new Uint8Array([0xc0, 0x80]), /not valid UTF-8/],
    ['a surrogate in UTF-8', new Uint8Array([0xed, 0xa0, 0x80]), /not valid UTF-8/],
    [
      'a merge conflict',
      'kind: A\n<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> x\n',
      /^a\.yaml:2:1: unresolved merge conflict/,
    ],
    [
      'a Git LFS pointer',
      'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n',
      /Git LFS pointer/,
    ],
    ['a JavaScript tag', 'kind: !!js/function "function(){}"\n', /the tag !!js\/function is not supported/],
    ['a local tag', 'kind: A\na: !Ref x\n', /the tag !Ref is not supported/],
    ['a tag of text on a mapping', 'kind: A\na: !!str {b: 1}\n', /the tag !!str is not supported/],
    ['a cyclic alias', 'kind: A\na: &x [*x]\n', /^a\.yaml:2:8: alias \*x refers to a value that contains it/],
    ['an alias without an anchor', 'kind: A\na: *x\n', /alias \*x/],
    ['a mapping as key', 'kind: A\n{a: b}: c\n', /a key must be text/],
    ['a null key', 'kind: A\n~: c\n', /a key must be text/],
    ['a merge of text', 'kind: A\n<<: x\n', /merges mappings only/],
    ['depth 10,000', `kind: A\na: ${'['.repeat(10_000)}${']'.repeat(10_000)}\n`, /nested too deep/],
    ['block depth 10,000', `kind: A\n${'- '.repeat(10_000)}x\n`, /./],
    [
      'a file beyond its size',
      new Uint8Array(defaultManifestLimits.maxFileBytes + 1),
      /more than the limit of/,
    ],
    ['too many values', `kind: A\na: [${'1,'.repeat(1_000_001)}]`, /more than 1000000 values/],
    ['a huge scalar', `kind: A\na: ${'x'.repeat(1024 * 1024 + 1)}\n`, /longer than 1048576 characters/],
  ];
  test.each(cases)('%s is refused with its place', (_, input, expected) => {
    expect(onlyError(input)).toMatch(expected);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test('an alias bomb is refused before it costs anything', () => {
    const levels = Array.from(
      { length: 30 },
      (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}, *a${i}, *a${i}]`,
    );
    expect(onlyError(`kind: A\na0: &a0 x\n${levels.join('\n')}\n`)).toContain(
      'aliases add more than 100000 values',
    );
  });

  test('a chain of merges is refused before it costs anything', () => {
    const wide = Array.from({ length: 2000 }, (_, i) => `k${i}: 1`).join(', ');
    const chain = Array.from({ length: 200 }, (_, i) => `m${i}: {<<: *w}`).join('\n');
    expect(onlyError(`kind: A\nw: &w {${wide}}\n${chain}\n`)).toContain('aliases add more than');
  });

  test('10,000 documents are read, one more is refused', () => {
    const document = '---\napiVersion: v1\nkind: A\n';
    expect(read(document.repeat(10_000)).documents).toHaveLength(10_000);
    expect(onlyError(document.repeat(10_001))).toContain('more than 10000 documents');
  });

  test('Lists of Lists end somewhere', () => {
    const nested = '{apiVersion: v1, kind: List, items: ['.repeat(12) + ']}'.repeat(12);
    expect(onlyError(nested)).toContain('Lists are nested deeper than 10 levels');
  });

  test('a template that does not parse says so', () => {
    const { errors } = read('apiVersion: v1\nkind: A\nmetadata:\n  name: {{ .Values.name }}\n');
    expect(errors[0]?.hint).toContain('template');
  });

  test('one bad document refuses the whole file', () => {
    expect(onlyError('apiVersion: v1\nkind: A\n---\na: [\n')).toContain('not valid YAML');
  });
});

describe('properties', () => {
  const lineLengths = (text: string): number[] => text.split('\n').map((line) => line.length);
  const inside = (bytes: Uint8Array): void => {
    const { errors, documents } = read(bytes);
    const lengths = lineLengths(new TextDecoder().decode(bytes));
    const positions = [
      ...errors.filter((error) => error.line !== undefined),
      ...documents.flatMap((document) => [
        document.source,
        document.locate('metadata.name'),
        document.locate('a[0].b'),
      ]),
    ];
    for (const { line, column } of positions) {
      expect(line).toBeGreaterThanOrEqual(1);
      expect(line).toBeLessThanOrEqual(lengths.length);
      expect(column).toBeGreaterThanOrEqual(1);
      expect(column).toBeLessThanOrEqual((lengths[(line ?? 1) - 1] ?? 0) + 1);
    }
  };

  test('arbitrary bytes never throw, and positions lie within the file', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), inside), { numRuns: 500 });
  });

  test('arbitrary YAML-like text never throws, and positions lie within the file', () => {
    const token = fc.constantFrom(
      ...[
        'a',
        'kind',
        'apiVersion',
        'metadata',
        'items',
        'List',
        ': ',
        ':',
        '\n',
        '\r\n',
        '\n  ',
        '- ',
        '? ',
        '[',
        ']',
      ],
      ...[
        '{',
        '}',
        ', ',
        '&x ',
        '*x',
        '<<: ',
        '---\n',
        '...\n',
        '!!str ',
        '!',
        '|',
        '>',
        '"',
        "'",
        '\t',
        '#',
        '%',
        '1e3',
        '\r',
      ],
    );
    const text = fc
      .array(token, { maxLength: 60 })
      .map((tokens) => new TextEncoder().encode(tokens.join('')));
    fc.assert(fc.property(text, inside), { numRuns: 2000 });
  });

  test('JSON text reads as JSON.parse reads it', () => {
    const json = fc.jsonValue({ maxDepth: 4 });
    fc.assert(
      fc.property(json, (value) => {
        const text = JSON.stringify({ value }, null, '\t');
        // Numbers with more digits than a double keeps are refused.
        if (/\d{16,}/.test(text)) return;
        const result = readYamlDocument({
          path: 'a.json',
          bytes: new TextEncoder().encode(text.replaceAll('\t', ' ')),
        });
        expect('error' in result ? result : result.value).toEqual(JSON.parse(text));
      }),
      { numRuns: 300 },
    );
  });
});
