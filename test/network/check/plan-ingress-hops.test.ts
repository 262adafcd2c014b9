import { describe, expect, it } from 'vitest';
import { assessHops } from '../../../src/network/check/hop.ts';
import {
  type IngressObject,
  matchIngress,
  planIngressHops,
} from '../../../src/network/check/plan-ingress-hops.ts';
import { aRunningPod, aService, givenAnswers } from '../../support/network-check.ts';

type Path = readonly [path: string, pathType: string, service: string];
const anIngress = (name: string, host: string | undefined, paths: readonly Path[]): IngressObject => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: { name, namespace: 'default' },
  spec: {
    rules: [
      {
        ...(host === undefined ? {} : { host }),
        http: {
          paths: paths.map(([path, pathType, service]) => ({
            path,
            pathType,
            backend: { service: { name: service } },
          })),
        },
      },
    ],
  },
  status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } },
});

describe('the rule for a URL', () => {
  const all = [
    anIngress('shop', 'shop.example', [
      ['/', 'Prefix', 'root'],
      ['/api', 'Prefix', 'api'],
      ['/api/v1', 'Exact', 'exact'],
    ]),
    anIngress('wild', '*.example', [['/', 'Prefix', 'wild']]),
    anIngress('any', undefined, [['/only', 'ImplementationSpecific', 'any']]),
  ];
  it.each([
    ['http://shop.example/', 'root'],
    ['http://shop.example/api', 'api'],
    ['http://shop.example/api/', 'api'],
    ['http://shop.example/apix', 'root'],
    ['http://shop.example/api/v1', 'exact'],
    ['http://shop.example/api/v1/x', 'api'],
    ['http://other.example/', 'wild'],
    ['http://a.b.example/', undefined],
    ['http://nobody.test/only/x', 'any'],
    ['http://nobody.test/', undefined],
  ])('%s leads to %s', (url, service) => {
    expect(matchIngress(all, new URL(url))?.service).toBe(service);
  });
});

describe('the way through an Ingress', () => {
  const url = new URL('http://shop.example/');
  const pod = aRunningPod('b', 'b', '10.244.1.5');
  const ingress = anIngress('shop', 'shop.example', [['/', 'Prefix', 'web']]);
  const fails = (hops: ReturnType<typeof planIngressHops>, code = 200): readonly string[] =>
    assessHops(
      hops,
      givenAnswers({
        facts: {},
        url: { ok: true, value: { ok: code < 500, detail: `the server answers ${code}` } },
      }),
    )
      .filter(({ status }) => status === 'FAIL')
      .map(({ check }) => check);

  it('passes, or names what is broken', () => {
    const match = matchIngress([ingress], url);
    expect(fails(planIngressHops(url, match, aService([pod])))).toEqual([]);
    expect(fails(planIngressHops(url, undefined, undefined))).toEqual(['ingress']);
    expect(fails(planIngressHops(url, match, undefined), 503)).toEqual(['service']);
    expect(fails(planIngressHops(url, match, aService([pod], false)), 503)).toEqual(['endpoints']);
    expect(fails(planIngressHops(url, match, aService([pod])), 502)).toEqual(['request']);
    const { status, ...unserved } = ingress;
    expect(status).toBeDefined();
    expect(fails(planIngressHops(url, matchIngress([unserved], url), aService([pod])), 503)).toEqual([
      'ingress-address',
    ]);
  });
});
