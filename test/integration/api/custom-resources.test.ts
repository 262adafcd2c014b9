import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../api/test-server.ts';
import { definitionSample } from '../../schemas/custom-samples.ts';
import { startDefinitions } from '../../support/definitions.ts';
import { WAIT_TIMEOUT } from '../../support/kubectl.ts';

const gadget = (spec: string, apiVersion = 'rec.example.com/v1'): string =>
  `apiVersion: ${apiVersion}\nkind: Gadget\nmetadata: {name: g}\nspec: ${spec}\n`;

describe('kubectl and custom resources', () => {
  let server: TestServer;
  let definitions: AsyncDisposable;
  beforeAll(async () => {
    server = await startTestServer();
    definitions = await startDefinitions(server.core);
  });
  afterAll(async () => {
    await definitions[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  const run = async (args: readonly string[], input?: string): Promise<string> => {
    const result = await server.kubectl(args, input);
    expect(result.stderr).toBe('');
    expect(result.code).toBe(0);
    return result.stdout;
  };
  const field = (path: string): Promise<string> => run(['get', 'gadget', 'g', '-o', `jsonpath={${path}}`]);

  it('serves the resource as soon as its definition is established', async () => {
    expect(await run(['apply', '-f', '-'], JSON.stringify(definitionSample))).toBe(
      'customresourcedefinition.apiextensions.k8s.io/gadgets.rec.example.com created\n',
    );
    await run(['wait', '--for', 'condition=established', 'crd/gadgets.rec.example.com', WAIT_TIMEOUT]);
    expect(await run(['create', '-f', '-'], gadget('{size: 3, parts: [{name: a}]}'))).toBe(
      'gadget.rec.example.com/g created\n',
    );
    expect(await run(['get', 'crd'])).toMatch(
      /^NAME +CREATED AT\napplications\.argoproj\.io +20\S+\ngadgets\.rec\.example\.com +20/,
    );
    expect(await run(['api-resources', '--api-group=rec.example.com', '-o', 'wide'])).toMatch(
      /gadgets +gd +rec\.example\.com\/v1 +true +Gadget +delete,.* all\n/,
    );
    expect(await run(['get', 'all'])).toContain('gadget.rec.example.com/g');
  });

  it('fills in defaults and prints the columns of the definition', async () => {
    expect(JSON.parse(await field('.spec'))).toEqual({
      size: 3,
      replicas: 1,
      mode: 'fast',
      parts: [{ name: 'a', weight: 7 }],
    });
    await run([
      'patch',
      'gd',
      'g',
      '--subresource=status',
      '--type=merge',
      '-p',
      '{"status":{"conditions":[{"type":"Ready","status":"True"}]}}',
    ]);
    expect(await run(['get', 'gd'])).toMatch(/^NAME +SIZE +READY +AGE\ng +3 +True +\d+s\n$/);
    expect(await run(['get', 'gd', '-o', 'wide'])).toMatch(/^NAME +SIZE +READY +AGE +MODE\n/);
    expect(await run(['get', 'gd', '--field-selector', 'spec.mode=fast', '-o', 'name'])).toBe(
      'gadget.rec.example.com/g\n',
    );
    expect(await run(['get', 'gd', '--field-selector', 'spec.mode=slow', '-o', 'name'])).toBe('');
  });

  it('refuses what the schema refuses, in the words of Kubernetes', async () => {
    const wrong = await server.kubectl(['patch', 'gd', 'g', '--type=merge', '-p', '{"spec":{"size":"x"}}']);
    expect(wrong.stderr).toBe(
      'The Gadget "g" is invalid: spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"\n',
    );
    const unknown = await server.kubectl(['apply', '-f', '-'], gadget('{size: 3, colour: red}'));
    expect(unknown.stderr).toContain('strict decoding error: unknown field "spec.colour"');
    const strategic = await server.kubectl(['patch', 'gd', 'g', '--type=strategic', '-p', '{}']);
    expect(strategic.stderr).toContain('application/strategic-merge-patch+json is not supported');
  });

  it('merges lists by their keys in server-side apply, and finds conflicts', async () => {
    await run(
      ['apply', '--server-side', '--field-manager=other', '-f', '-'],
      gadget('{size: 3, parts: [{name: b, weight: 2}]}'),
    );
    expect(await field('.spec.parts[*].name')).toBe('a b');
    const conflict = await server.kubectl(
      ['apply', '--server-side', '--field-manager=third', '-f', '-'],
      gadget('{size: 4}'),
    );
    expect(conflict.stderr).toContain('conflict');
    await run(
      ['apply', '--server-side', '--force-conflicts', '--field-manager=third', '-f', '-'],
      gadget('{size: 4}'),
    );
    expect(await field('.spec.size')).toBe('4');
  });

  it('scales, explains and describes', async () => {
    await run(['scale', 'gadget/g', '--replicas=5']);
    expect(await field('.spec.replicas')).toBe('5');
    const generation = Number(await field('.metadata.generation'));
    await run(['patch', 'gd', 'g', '--subresource=status', '--type=merge', '-p', '{"status":{"x":1}}']);
    expect(Number(await field('.metadata.generation'))).toBe(generation);
    expect(await run(['explain', 'gadgets.spec.size'])).toContain('How big it is.');
    expect(await run(['describe', 'gd', 'g'])).toContain('Replicas:  5');
  });

  it('serves the same object in another version, with a warning that it is deprecated', async () => {
    const old = await server.kubectl(['get', 'gadgets.v1beta1.rec.example.com', 'g', '-o', 'json']);
    expect(old.stderr).toBe('Warning: rec.example.com/v1beta1 Gadget is deprecated\n');
    expect(JSON.parse(old.stdout)).toMatchObject({
      apiVersion: 'rec.example.com/v1beta1',
      spec: { size: 4, mode: 'fast' },
    });
  });

  it('deletes the objects with the definition, and the resource is gone', async () => {
    await run(['delete', 'crd', 'gadgets.rec.example.com', WAIT_TIMEOUT]);
    expect(await run(['get', '--raw', '/apis'])).not.toContain('rec.example.com');
    expect((await server.core.store.list('gadgets.rec.example.com')).objects).toEqual([]);
  });

  it('holds objects to the rules of their definition', async () => {
    const definition = (rule: string): string =>
      JSON.stringify({
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: 'rulers.rec.example.com' },
        spec: {
          group: 'rec.example.com',
          scope: 'Namespaced',
          names: { plural: 'rulers', kind: 'Ruler' },
          versions: [
            {
              name: 'v1',
              served: true,
              storage: true,
              schema: {
                openAPIV3Schema: {
                  type: 'object',
                  properties: {
                    spec: {
                      type: 'object',
                      'x-kubernetes-validations': [
                        { rule, messageExpression: "'min is too many ' + self.unit" },
                      ],
                      properties: {
                        min: { type: 'integer' },
                        max: { type: 'integer' },
                        unit: {
                          type: 'string',
                          maxLength: 10,
                          'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'unit is fixed' }],
                        },
                      },
                    },
                  },
                },
              },
            },
          ],
        },
      });
    const ruler = (spec: string): string =>
      `apiVersion: rec.example.com/v1\nkind: Ruler\nmetadata: {name: r}\nspec: ${spec}\n`;
    const refused = await server.kubectl(['apply', '-f', '-'], definition('self.min <= self.length'));
    expect(refused.stderr).toContain(
      "compilation failed: ERROR: <input>:1:17: undefined field 'length'\n | self.min <= self.length\n | ................^",
    );
    await run(['apply', '-f', '-'], definition('self.min <= self.max'));
    await run(['wait', '--for', 'condition=established', 'crd/rulers.rec.example.com', WAIT_TIMEOUT]);
    const wrong = await server.kubectl(['create', '-f', '-'], ruler('{min: 2, max: 1, unit: cm}'));
    expect(wrong.stderr).toBe('The Ruler "r" is invalid: spec: Invalid value: min is too many cm\n');
    await run(['create', '-f', '-'], ruler('{min: 1, max: 2, unit: cm}'));
    const changed = await server.kubectl([
      'patch',
      'ruler',
      'r',
      '--type=merge',
      '-p',
      '{"spec":{"unit":"in"}}',
    ]);
    expect(changed.stderr).toBe('The Ruler "r" is invalid: spec.unit: Invalid value: unit is fixed\n');
    await run(['patch', 'ruler', 'r', '--type=merge', '-p', '{"spec":{"max":3}}']);
    await run(['delete', 'crd', 'rulers.rec.example.com', WAIT_TIMEOUT]);
  });

  it('shows the events of the core group as those of events.k8s.io', async () => {
    const event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'e' },
      involvedObject: { kind: 'Pod', namespace: 'default', name: 'p' },
      reason: 'Pulled',
      message: 'it was pulled',
      type: 'Normal',
      count: 2,
    };
    await run(['create', '-f', '-'], JSON.stringify(event));
    expect(JSON.parse(await run(['get', 'events.events.k8s.io', 'e', '-o', 'json']))).toMatchObject({
      apiVersion: 'events.k8s.io/v1',
      note: 'it was pulled',
      regarding: { name: 'p' },
      deprecatedCount: 2,
    });
    expect(await run(['get', 'events.events.k8s.io'])).toMatch(/Normal +Pulled +pod\/p +it was pulled/);
    expect(await run(['events'])).toContain('it was pulled');
    await run(['delete', 'events.events.k8s.io', 'e']);
    expect(await run(['get', 'events.v1.', '--ignore-not-found', 'e'])).toBe('');
  });
});
