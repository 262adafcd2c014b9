/** Strict reading answers in upstream's order and words, for JSON, YAML and patches. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { duplicateKeys, strictFindings } from '../../../src/api/http/duplicate-keys.ts';
import { startTestHttp, type TestHttp } from '../test-http.ts';

let http: TestHttp;
beforeAll(async () => {
  http = await startTestHttp();
});
afterAll(() => http[Symbol.asyncDispose]());

const deployments = '/apis/apps/v1/namespaces/default/deployments';
const text = `{
  "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
  "spec": {
    "unknown1": "val1", "unknownDupe": "valDupe", "unknownDupe": "valDupe2",
    "paused": true, "paused": false,
    "selector": {"matchLabels": {"app": "nginx"}},
    "template": {"metadata": {"labels": {"app": "nginx"}}, "spec": {"containers": [{
      "name": "nginx", "image": "nginx:latest", "unknownNested": "val1", "imagePullPolicy": "Always", "imagePullPolicy": "Never"
    }]}}
  }
}`;
const findings = [
  'unknown field "spec.unknown1"',
  'unknown field "spec.unknownDupe"',
  'duplicate field "spec.paused"',
  'unknown field "spec.template.spec.containers[0].unknownNested"',
  'duplicate field "spec.template.spec.containers[0].imagePullPolicy"',
];

const yaml = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: why
spec:
  zebra: 1
  paused: true
  paused: false
  aardvark: 1
  selector: {matchLabels: {app: nginx}}
  template:
    metadata: {labels: {app: nginx}}
    spec:
      containers:
      - name: nginx
        image: nginx
        imagePullPolicy: Always
        imagePullPolicy: Never
`;
const repeated =
  'yaml: unmarshal errors:\n  line 8: key "paused" already set in map\n  line 18: key "imagePullPolicy" already set in map';

describe('JSON', () => {
  it('lists unknown and repeated fields in the order of the document', async () => {
    const answer = await http.send('POST', `${deployments}?fieldValidation=Strict`, text);
    expect(answer.code).toBe(400);
    expect(answer.body['message']).toBe(
      `Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: ${findings.join(', ')}`,
    );
  });

  it('warns of each, and the last one wins', async () => {
    const answer = await http.send('POST', `${deployments}?fieldValidation=Warn`, text);
    expect(answer.code).toBe(201);
    // The test's client keeps the last of several headers.
    expect(answer.warnings.join()).toContain('imagePullPolicy');
    expect(answer.body).toMatchObject({
      spec: { template: { spec: { containers: [{ imagePullPolicy: 'Never' }] } } },
    });
  });

  it('says nothing when asked to ignore', async () => {
    const answer = await http.send(
      'POST',
      `${deployments}?fieldValidation=Ignore&dryRun=All`,
      text.replace('"d"', '"e"'),
    );
    expect(answer.code).toBe(201);
    expect(answer.warnings).toEqual([]);
  });

  it('does not look into what is unknown', () => {
    expect(strictFindings('{"x":{"a":1,"a":2},"b":1,"b":2}', ['x'])).toEqual([
      'unknown field "x"',
      'duplicate field "b"',
    ]);
  });

  it('knows a closing quotation mark from an escaped one', () => {
    expect(duplicateKeys('{"a\\\\":1,"a\\"b":2,"a\\\\":3}')).toEqual(['a\\']);
  });

  it('keeps a hundred findings', () => {
    const members = Array.from({ length: 300 }, (_, index) => `"k${index}":1`).join(',');
    expect(duplicateKeys(`{${members},${members}}`)).toHaveLength(100);
  });
});

describe('YAML', () => {
  const options = { contentType: 'application/yaml' };

  it('refuses repeated keys with their lines when strict, then unknown fields by name', async () => {
    const answer = await http.send('POST', `${deployments}?fieldValidation=Strict`, yaml, options);
    expect(answer.code).toBe(400);
    expect(answer.body['message']).toBe(
      `Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: ${repeated}, unknown field "spec.aardvark", unknown field "spec.zebra"`,
    );
  });

  it('takes the last of repeated keys, with a warning or in silence', async () => {
    const known = yaml.replace(/^ {2}(zebra|aardvark): 1\n/gm, '');
    const warned = await http.send('POST', `${deployments}?fieldValidation=Warn`, known, options);
    expect(warned.code).toBe(201);
    expect(warned.warnings.join('\n')).toContain('already set in map');
    expect(warned.body).toMatchObject({
      spec: { template: { spec: { containers: [{ imagePullPolicy: 'Never' }] } } },
    });
    const ignored = await http.send('PUT', `${deployments}/why?fieldValidation=Ignore`, yaml, options);
    expect(ignored.code).toBe(200);
    expect(ignored.warnings).toEqual([]);
  });
});

describe('patches', () => {
  it.each([
    ['application/merge-patch+json', '{"data":{"a":"1","a":"2"}}', 422, 'duplicate field \\"data.a\\"'],
    [
      'application/strategic-merge-patch+json',
      '{"data":{"a":"1","a":"2"}}',
      422,
      'duplicate field \\"data.a\\"',
    ],
    [
      'application/apply-patch+yaml',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  a: "1"\n  a: "2"\n',
      400,
      'error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\\n  line 6: key \\"a\\" already set in map',
    ],
  ])(
    '%s: a repeated member is an error when strict, else the last one wins',
    async (contentType, body, code, words) => {
      const path = '/api/v1/namespaces/default/configmaps';
      await http.send('POST', path, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' } });
      const url = `${path}/c?fieldManager=m&force=true`.replace(
        contentType.includes('apply') ? '' : '&force=true',
        '',
      );
      const strict = await http.send('PATCH', `${url}&fieldValidation=Strict`, body, { contentType });
      expect(strict.code).toBe(code);
      expect(strict.text).toContain(words);
      const warned = await http.send('PATCH', url, body, { contentType });
      expect(warned.code).toBe(200);
      expect(warned.warnings).toHaveLength(1);
      expect(warned.body).toMatchObject({ data: { a: '2' } });
    },
  );
});
