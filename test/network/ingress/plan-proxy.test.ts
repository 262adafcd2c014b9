import { describe, expect, it } from 'vitest';
import { readAnnotations } from '../../../src/network/ingress/read-annotations.ts';
import { isolateRefused } from '../../../src/network/ingress/isolate-refused.ts';
import { planHostTrouble } from '../../../src/network/ingress/plan-host-trouble.ts';
import type { EndpointSlice, Ingress, IngressClass, Service } from '../../../src/schemas/types.ts';
import { ingressSelector, symphonyIngressClass } from '../../../src/schemas/networking/ingress-classes.ts';
import { anIngress, aService, aTlsSecret, proxyPlan } from '../../support/ingress-objects.ts';

const upstreamsOf = (plan: ReturnType<typeof proxyPlan>): readonly unknown[] =>
  plan.model.routes.map(({ action }) =>
    action.type === 'proxy' ? action.upstreams : 'status' in action && action.status,
  );
const messagesOf = ({ problems }: ReturnType<typeof proxyPlan>): readonly string[] =>
  problems.map(({ message }) => message);

describe('a backend', () => {
  const slice: EndpointSlice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 's', namespace: 'default' },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080 }],
    endpoints: [
      { addresses: ['10.0.0.2'], conditions: { ready: true } },
      { addresses: ['10.0.0.1'] },
      { addresses: ['10.0.0.3'], conditions: { ready: false } },
    ],
  };
  it.each<[string, string, Partial<Service['spec']>, readonly string[]]>([
    ['the address of the Service', 's:80', {}, ['10.96.0.1:80']],
    ['a port by its name', 's:http', {}, ['10.96.0.1:80']],
    ['an IPv6 address', 's', { clusterIP: 'fd00::1' }, ['[fd00::1]:80']],
    ['ready endpoints where it is headless', 's', { clusterIP: 'None' }, ['10.0.0.1:8080', '10.0.0.2:8080']],
    [
      'an external name',
      's:443',
      { type: 'ExternalName', externalName: 'example.com', ports: [] },
      ['example.com:443'],
    ],
  ])('is %s', (_, target, spec, expected) => {
    const ingress = anIngress({ rules: [`Prefix a.com/ ${target}`] });
    const plan = proxyPlan([ingress], [aService('s', spec)], { slicesOf: () => [slice] });
    expect(upstreamsOf(plan)).toEqual([expected]);
    expect(plan.problems).toEqual([]);
  });

  it.each([
    ['of a missing Service', 'gone', 'Service "default/gone" does not exist'],
    ['of a missing port', 's:81', 'Service "default/s" has no port 81'],
    ['of a missing named port', 's:web', 'Service "default/s" has no port web'],
    ['over UDP', 's:53', 'Port 53 of Service "default/s" is UDP: HTTP needs TCP'],
    [
      'of a headless Service without endpoints',
      'none',
      'The headless Service "default/none" has no ready endpoints',
    ],
  ])('%s is answered with 503, and told', (_, target, message) => {
    const services = [
      aService('s', { ports: [{ port: 80 }, { port: 53, protocol: 'UDP' }] }),
      aService('none', { clusterIP: 'None' }),
    ];
    const plan = proxyPlan([anIngress({ rules: [`Prefix a.com/ ${target}`, 'Prefix b.com/ s'] })], services);
    expect(upstreamsOf(plan)).toEqual([503, ['10.96.0.1:80']]);
    expect(messagesOf(plan)).toEqual([message]);
  });

  it.each([
    ['127.0.0.1', 'may not be in the loopback range (127.0.0.0/8, ::1/128)'],
    ['169.254.169.254', 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'],
    ['0.0.0.0', 'may not be unspecified (0.0.0.0)'],
    ['localhost', 'is the node itself'],
    ['db.localhost', 'is the node itself'],
  ])('at the external name %s would be the host of the proxy, and is refused', (externalName, why) => {
    const service = aService('s', { type: 'ExternalName', externalName, ports: [] });
    const plan = proxyPlan([anIngress({ rules: ['Prefix a.com/ s:80'] })], [service]);
    expect(upstreamsOf(plan)).toEqual([503]);
    expect(messagesOf(plan)).toEqual([`The external name "${externalName}" of Service "default/s" ${why}`]);
  });

  it('at an external name of the cluster is that Service, in any namespace', () => {
    const alias = (externalName: string) => aService('s', { type: 'ExternalName', externalName, ports: [] });
    const ingress = anIngress({ rules: ['Prefix a.com/ s:80'] });
    const web = aService('web', {}, 'other');
    const to = (name: string) => proxyPlan([ingress], [alias(name), web]);
    expect(upstreamsOf(to('web.other.svc.cluster.local'))).toEqual([['10.96.0.1:80']]);
    expect(upstreamsOf(to('web.other.svc.cluster.local.'))).toEqual([['10.96.0.1:80']]);
    expect(messagesOf(to('gone.other.svc.cluster.local'))).toEqual(['Service "other/gone" does not exist']);
    expect(messagesOf(to('s.default.svc.cluster.local'))).toEqual([
      'Service "default/s" leads to itself, or in a circle',
    ]);
  });

  it('that is no Service is refused by its name', () => {
    const ingress: Ingress = {
      ...anIngress({}),
      spec: { defaultBackend: { resource: { apiGroup: 'k8s.example.com', kind: 'Bucket', name: 'b' } } },
    };
    expect(messagesOf(proxyPlan([ingress], []))).toEqual([
      'The backend Bucket "b" is not supported: only Services are',
    ]);
  });

  it('of another namespace is not reached', () => {
    const plan = proxyPlan([anIngress({ rules: ['Prefix a.com/ s'] })], [aService('s', {}, 'other')]);
    expect(upstreamsOf(plan)).toEqual([503]);
  });
});

it('a path that two Ingresses want belongs to the older one', () => {
  const older = anIngress({ name: 'z', age: 10, rules: ['Prefix a.com/x/ old'] });
  const younger = anIngress({ name: 'a', rules: ['Prefix a.com/x new', 'Exact a.com/x new'] });
  const services = [aService('old', { clusterIP: '1.1.1.1' }), aService('new', { clusterIP: '2.2.2.2' })];
  const plan = proxyPlan([younger, older], services);
  expect(upstreamsOf(plan)).toEqual([['2.2.2.2:80'], ['1.1.1.1:80']]);
  expect(messagesOf(plan)).toEqual([
    'Host "a.com" with path "/x" is served by Ingress "default/z", which is older',
  ]);
});

describe('an Ingress is ours', () => {
  const nginx: IngressClass = {
    ...symphonyIngressClass,
    metadata: { name: 'nginx' },
    spec: { controller: 'k8s.io/ingress-nginx' },
  };
  const notDefault = { ...symphonyIngressClass, metadata: { name: 'symphony' } };
  const asked = (ingressClassName?: string, annotation?: string): Ingress => {
    const made = anIngress(annotation ? { annotations: { 'kubernetes.io/ingress.class': annotation } } : {});
    return { ...made, spec: { ...made.spec, ...(ingressClassName ? { ingressClassName } : {}) } };
  };
  it.each([
    ['by its class', asked('symphony'), [notDefault, nginx], true],
    ['not by another class', asked('nginx'), [symphonyIngressClass, nginx], false],
    ['not by an unknown class', asked('gone'), [symphonyIngressClass], false],
    ['by the annotation', asked(undefined, 'symphony'), [notDefault], true],
    ['by the annotation before the class', asked('symphony', 'nginx'), [symphonyIngressClass, nginx], false],
    ['by default', asked(), [symphonyIngressClass, nginx], true],
    ['not without a default class', asked(), [notDefault], false],
    [
      'not while it is deleted',
      { ...asked(), metadata: { ...asked().metadata, deletionTimestamp: 'x' } },
      [symphonyIngressClass],
      false,
    ],
  ] as const)('%s', (_, ingress, classes, expected) =>
    expect(ingressSelector(classes)(ingress)).toBe(expected),
  );
});

describe('annotations', () => {
  const read = (annotations: Record<string, string>) => readAnnotations(annotations);
  it.each([
    ['nginx.ingress.kubernetes.io/auth-url', 'https://x', true],
    ['nginx.ingress.kubernetes.io/whitelist-source-range', '10.0.0.0/99', true],
    ['traefik.ingress.kubernetes.io/router.middlewares', 'default-auth@kubernetescrd', true],
    ['nginx.ingress.kubernetes.io/configuration-snippet', 'return 200;', false],
    ['nginx.ingress.kubernetes.io/affinity', 'cookie', false],
    ['nginx.ingress.kubernetes.io/ssl-redirect', 'yes', false],
    ['nginx.ingress.kubernetes.io/backend-protocol', 'FCGI', false],
    ['alb.ingress.kubernetes.io/scheme', 'internal', false],
    ['nginx.ingress.kubernetes.io/rewrite-target', 'no path', false],
    ['nginx.ingress.kubernetes.io/rewrite-target', '/{http.request.host}', false],
  ])('%s: %s is a problem with its name', (name, value, closes) => {
    const { options, problems } = read({ [name]: value });
    expect(problems).toEqual([{ reason: expect.any(String), message: expect.stringContaining(name) }]);
    expect(options.isClosed).toBe(closes);
  });

  it.each([
    'example.com/note',
    'external-dns.alpha.kubernetes.io/hostname',
    'cert-manager.io/private-key-size',
  ])('%s is for others', (name) => expect(read({ [name]: 'x' }).problems).toEqual([]));

  it.each([
    ['8m', 8_388_608],
    ['10', 10],
    ['1G', 1_073_741_824],
    ['0', undefined],
  ])('a body of %s is %s bytes', (value, bytes) => {
    const { options } = read({ 'nginx.ingress.kubernetes.io/proxy-body-size': value });
    expect(options.bodyLimitBytes).toBe(bytes);
  });
});

it('keeps the certificate of one Secret that two Ingresses name once', async () => {
  const secret = await aTlsSecret('cert', 'a.com', 'b.com');
  const ingresses = ['a', 'b'].map((name) =>
    anIngress({
      name,
      rules: [`Prefix ${name}.com/ s`],
      tls: [{ hosts: [`${name}.com`], secretName: name }],
    }),
  );
  const { model, problems } = proxyPlan(ingresses, [aService('s')], { secret: () => secret });
  expect(model.certificates.map(({ hosts }) => hosts)).toEqual([['a.com', 'b.com']]);
  expect(problems).toEqual([]);
});

it('finds what is refused by halves', async () => {
  const owners = Array.from({ length: 100 }, (_, index) => `i${index}`);
  const bad = new Set(['i3', 'i77', 'i78']);
  let checks = 0;
  const found = await isolateRefused(owners, async (some) => {
    checks += 1;
    return some.some((owner) => bad.has(owner)) ? 'refused' : undefined;
  });
  expect(new Set(found.keys())).toEqual(bad);
  expect(checks).toBeLessThan(50);
});

it.each([
  ['spawn caddy ENOENT', 'IngressProgramMissing', 'apt-get install caddy'],
  ['loading: listen tcp :443: bind: address already in use', 'IngressPortInUse', 'nginx listens on port 443'],
  ['something', 'IngressUnavailable', 'something'],
])('%s is told as %s', (complaint, reason, words) => {
  const trouble = planHostTrouble(complaint, { httpPort: 80, httpsPort: 443 }, () => 'nginx');
  expect(trouble).toEqual({ reason, message: expect.stringContaining(words) });
});
