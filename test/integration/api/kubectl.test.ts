import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../api/test-server.ts';

const manifests = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: "nginx:1"}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: p, labels: {a: b}}
spec: {containers: [{name: c, image: "nginx:1"}]}
`;

describe('the real kubectl', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const run = async (...args: string[]): Promise<string> => {
    const result = await server.kubectl(args);
    expect(result.stderr).toBe('');
    expect(result.code).toBe(0);
    return result.stdout;
  };

  it('applies, applies again without a change, and applies a change', async () => {
    const first = await server.kubectl(['apply', '-f', '-'], manifests);
    expect(first.stdout).toBe('deployment.apps/web created\nservice/web created\npod/p created\n');
    const second = await server.kubectl(
      ['apply', '-f', '-'],
      manifests.replace('replicas: 2', 'replicas: 3'),
    );
    expect(second.stdout).toBe('deployment.apps/web configured\nservice/web unchanged\npod/p unchanged\n');
    expect(await run('get', 'deploy', 'web', '-o', 'jsonpath={.spec.replicas}')).toBe('3');
  });

  it('prints the columns that Kubernetes prints', async () => {
    const wide = await run('get', 'pods', '-o', 'wide');
    expect(wide).toMatch(/^NAME +READY +STATUS +RESTARTS +AGE +IP +NODE +NOMINATED NODE +READINESS GATES\n/);
    expect(wide).toMatch(/\np +0\/1 +Pending +0 /);
    expect(await run('describe', 'deploy', 'web')).toContain('Replicas:               3 desired');
  });

  it('scales, labels, annotates and patches in three ways', async () => {
    await run('scale', 'deploy/web', '--replicas=5');
    await run('label', 'pod', 'p', 'x=y');
    await run('annotate', 'pod', 'p', 'note=z');
    await run(
      'patch',
      'deploy',
      'web',
      '-p',
      '{"spec":{"template":{"spec":{"containers":[{"name":"d","image":"x:1"}]}}}}',
    );
    await run('patch', 'deploy', 'web', '--type=merge', '-p', '{"spec":{"minReadySeconds":3}}');
    await run(
      'patch',
      'deploy',
      'web',
      '--type=json',
      '-p',
      '[{"op":"replace","path":"/spec/replicas","value":4}]',
    );
    const fields = '{.spec.replicas} {.spec.minReadySeconds} {.spec.template.spec.containers[*].name}';
    expect(await run('get', 'deploy', 'web', '-o', `jsonpath=${fields}`)).toBe('4 3 d c');
    expect(await run('get', 'pods', '-l', 'x=y', '-o', 'name')).toBe('pod/p\n');
  });

  it('refuses an unknown field and names it', async () => {
    const result = await server.kubectl(
      ['create', '-f', '-'],
      manifests.replace('replicas: 2', 'replicaz: 2'),
    );
    expect(result.stderr).toContain('strict decoding error: unknown field "spec.replicaz"');
  });

  it('applies on the server, names who owns what it may not change, and takes it over', async () => {
    const manifest = (value: string): string =>
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'shared' },
        data: { k: value },
      });
    const apply = (value: string, ...args: string[]): ReturnType<typeof server.kubectl> =>
      server.kubectl(['apply', '--server-side', '-f', '-', ...args], manifest(value));
    expect(await apply('a')).toEqual({
      code: 0,
      stdout: 'configmap/shared serverside-applied\n',
      stderr: '',
    });
    const refused = await apply('b', '--field-manager=other');
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('conflict with "kubectl": .data.k');
    expect((await apply('b', '--field-manager=other', '--force-conflicts')).code).toBe(0);
    expect(await run('get', 'configmap', 'shared', '-o', 'jsonpath={.data.k}')).toBe('b');
  });

  it('deletes and no longer finds', async () => {
    await run('delete', 'pod', 'p');
    const result = await server.kubectl(['get', 'pod', 'p']);
    expect(result.stderr).toBe('Error from server (NotFound): pods "p" not found\n');
  });

  it('turns away who has no token', async () => {
    const result = await server.kubectl(['get', 'pods', '--token=wrong']);
    expect(result.code).not.toBe(0);
    expect(result.stderr).toMatch(/Unauthorized|must be logged in/);
  });
});
