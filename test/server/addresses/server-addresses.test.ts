import { describe, expect, it } from 'vitest';
import {
  certificateHosts,
  kubeconfigUrl,
  localUrl,
  namesOfHost,
} from '../../../src/server/addresses/server-addresses.ts';

const host = { name: 'host-1', addresses: ['10.0.0.5', '2001:db8::5'] };
const options = (listen: string, more: { advertise?: string; sans?: readonly string[] } = {}) => ({
  listen: { host: listen, port: 6443 },
  advertiseAddress: more.advertise === undefined ? undefined : { host: more.advertise, port: 6443 },
  tlsSans: more.sans ?? [],
  serviceCidr: '10.96.0.0/16',
  clusterDomain: 'cluster.local',
});

/** By which pods know the API. */
const SERVICE = ['10.96.0.1', 'kubernetes.default.svc.cluster.local'];

describe('the certificate of a server', () => {
  it.each(['0.0.0.0', '::'])('on %s carries the host name and every address of the host', (listen) => {
    expect(certificateHosts(options(listen), host)).toEqual([
      'host-1',
      '10.0.0.5',
      '2001:db8::5',
      ...SERVICE,
    ]);
  });

  it('on one address carries that, and what the flags add', () => {
    const flags = { advertise: 'api.example', sans: ['lb.example', '192.0.2.9'] };
    const carried = ['host-1', '10.0.0.5', 'api.example', 'lb.example', '192.0.2.9', ...SERVICE];
    expect(certificateHosts(options('10.0.0.5', flags), host)).toEqual(carried);
  });

  it('carries no address that means every address', () => {
    expect(certificateHosts(options('0.0.0.0', { advertise: '0.0.0.0', sans: ['::'] }), host)).not.toContain(
      '0.0.0.0',
    );
  });

  it('carries the address and the name of the Service of the API in other networks and domains', () => {
    const cluster = { serviceCidr: '172.31.0.0/16', clusterDomain: 'corp.example' };
    const hosts = certificateHosts({ ...options('10.0.0.5'), ...cluster }, host);
    expect(hosts.slice(-2)).toEqual(['172.31.0.1', 'kubernetes.default.svc.corp.example']);
  });

  it('has a bounded number of addresses', () => {
    const addresses = Array.from({ length: 500 }, (_, index) => `10.1.${index >> 8}.${index & 255}`);
    expect(certificateHosts(options('0.0.0.0'), { name: 'h', addresses }).length).toBeLessThan(100);
  });

  it('names this machine', () => {
    const { name, addresses } = namesOfHost();
    expect(name).not.toBe('');
    expect(addresses.filter((address) => /^(127\.|fe80:|::1$)/.test(address))).toEqual([]);
  });
});

describe('the URL', () => {
  it.each([
    ['https://0.0.0.0:6443', 'https://127.0.0.1:6443'],
    ['https://[::]:6443', 'https://[::1]:6443'],
    ['https://10.0.0.5:6443', 'https://10.0.0.5:6443'],
    ['https://[2001:db8::5]:443', 'https://[2001:db8::5]:443'],
  ])('of %s for clients on this machine is %s', (url, local) => {
    expect(localUrl(url)).toBe(local);
    expect(kubeconfigUrl(url, undefined)).toBe(local);
  });

  it('in the kubeconfig is the one that is advertised', () => {
    expect(kubeconfigUrl('https://0.0.0.0:6443', { host: '2001:db8::5', port: 8443 })).toBe(
      'https://[2001:db8::5]:8443',
    );
  });
});
