/** An Ingress from Git to curl, with a certificate, and past what its host and its cluster live through. */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { aTlsSecret } from '../support/ingress-objects.ts';
import { eventually, runProgram } from '../support/kubectl.ts';
import { freePort, startSymphony, type Symphony } from '../support/symphony.ts';
import { web } from './manifests.ts';

const INGRESS = `apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  clusterIP: None
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  tls: [{hosts: [a.example.com], secretName: cert}]
  rules:
  - host: a.example.com
    http:
      paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {name: http}}}}]
`;

const gateway = (port: number): string => `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: public}
spec:
  gatewayClassName: symphony
  listeners: [{name: http, port: ${port}, protocol: HTTP, hostname: "*.example.org"}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
spec:
  parentRefs: [{name: public}]
  rules: [{backendRefs: [{name: web, port: 80}]}]
`;

describe('an Ingress', () => {
  let symphony: Symphony;
  let port = 0;
  let tlsPort = 0;
  let gatewayPort = 0;

  beforeAll(async () => {
    [port, tlsPort, gatewayPort] = [await freePort(), await freePort(), await freePort()];
    symphony = await startSymphony({
      nodes: 2,
      files: {
        'web.yaml': web({ replicas: 1 }),
        'ingress.yaml': INGRESS,
        'gateway.yaml': gateway(gatewayPort),
      },
      args: ['--ingress-http-port', String(port), '--ingress-https-port', String(tlsPort)],
    });
  });
  afterAll(async () => {
    // It ends with symphony down, and Caddy with it.
    await symphony?.[Symbol.asyncDispose]();
    expect((await curl('-s')).code).toBe(7);
  });
  beforeEach(() => symphony.explainFailure());

  const curl = (...args: readonly string[]) =>
    runProgram(
      'curl',
      [
        ...['-o', '/dev/null', '-w', '%{http_code}', '--max-time', '5', ...args],
        ...['--resolve', `a.example.com:${port}:127.0.0.1`, `http://a.example.com:${port}/`],
      ],
      { cwd: tmpdir(), env: process.env },
    );
  const serves = (): Promise<boolean> =>
    eventually('the Ingress is served', async () => (await curl('-s')).stdout === '200');

  it('of Git is served by the class of every new cluster, and has the address of the nodes', async () => {
    await serves();
    const { spec, status } = await symphony.kubectl.json('get', 'ingress', 'web');
    expect(spec.ingressClassName).toBe('symphony');
    expect(status.loadBalancer.ingress).toEqual([{ ip: expect.stringMatching(/^\d+\.\d+\.\d+\.\d+$/) }]);
    expect(await symphony.kubectl('get', 'ingressclass')).toMatch(
      /symphony \(default\) +symphony.dev\/ingress/,
    );
  });

  it('stands beside a Gateway of Git, which is programmed and served at the same nodes', async () => {
    await symphony.kubectl('wait', '--for=condition=Programmed', 'gateway/public', '--timeout=60s');
    const { status } = await symphony.kubectl.json('get', 'gateway', 'public');
    expect(status.addresses).toEqual([{ type: 'IPAddress', value: expect.stringMatching(/^[\d.]+$/) }]);
    const answer = (host: string) =>
      runProgram(
        'curl',
        [
          '-s',
          '-o',
          '/dev/null',
          '-w',
          '%{http_code}',
          '-H',
          `Host: ${host}`,
          `http://127.0.0.1:${gatewayPort}/`,
        ],
        { cwd: tmpdir(), env: process.env },
      );
    await eventually('the route is served', async () => (await answer('a.b.example.org')).stdout === '200');
    expect((await answer('a.example.com')).stdout).toBe('404');
  });

  it('says that its certificate is missing, and serves it once it is there', async () => {
    const events = (): Promise<string> => symphony.kubectl('describe', 'ingress', 'web');
    await eventually('the event is there', async () =>
      /InvalidCertificate .*default\/cert/.test(await events()),
    );
    const directory = await mkdtemp(join(tmpdir(), 'symphony-cert-'));
    await writeFile(join(directory, 'cert.json'), JSON.stringify(await aTlsSecret('cert', 'a.example.com')));
    await symphony.kubectl('apply', '-f', join(directory, 'cert.json'));
    const subject = async (): Promise<string> =>
      (
        await runProgram(
          'sh',
          [
            '-c',
            `openssl s_client -connect 127.0.0.1:${tlsPort} -servername a.example.com </dev/null | openssl x509 -noout -ext subjectAltName`,
          ],
          { cwd: directory, env: process.env },
        )
      ).stdout;
    await eventually('the certificate is served', async () =>
      (await subject()).includes('DNS:a.example.com'),
    );
  });

  it('is served while Symphony is down, and after its restart', async () => {
    await symphony.stop();
    expect((await curl('-s')).stdout).toBe('200');
    await symphony.start();
    await serves();
  });
});
