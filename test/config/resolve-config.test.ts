import { describe, expect, test } from 'vitest';
import {
  type ConfigInputs,
  environmentName,
  fileKey,
  options,
  resolveConfig,
} from '../../src/config/index.ts';

const resolve = (inputs: Partial<ConfigInputs>, file?: string) =>
  resolveConfig({
    command: 'up',
    flags: {},
    env: {},
    ...(file === undefined
      ? {}
      : { file: { path: '/etc/symphony.yaml', bytes: new TextEncoder().encode(file) } }),
    ...inputs,
  });

describe('resolveConfig', () => {
  test('has a default for everything that needs one, and is frozen', () => {
    const config = resolve({});
    expect(config).toMatchObject({
      nodes: 1,
      pollIntervalMs: 30_000,
      stabilityWindowMs: 10_000,
      dataDir: './.symphony',
      listen: { host: '127.0.0.1', port: 6443 },
      commitStatus: 'none',
      dockerHosts: [],
      clusterCidr: '10.244.0.0/16',
    });
    expect(Object.isFrozen(config) && Object.isFrozen(config.listen)).toBe(true);
  });

  test('takes a pool of load balancers by commas, by repeating, and from the environment and the file', () => {
    const pool = ['192.0.2.0/28', '192.0.2.40-192.0.2.50', '198.51.100.7/32'];
    const [first, second, third] = pool;
    for (const inputs of [
      { flags: { loadBalancerPool: [`${first}, ${second}`, third ?? ''] } },
      { env: { SYMPHONY_LOAD_BALANCER_POOL: pool.join(',') } },
    ])
      expect(resolve(inputs).loadBalancerPool).toEqual(pool);
    expect(resolve({}, `loadBalancerPool: ['${pool.join("', '")}']`).loadBalancerPool).toEqual(pool);
    expect(resolve({}).loadBalancerPool).toEqual([]);
  });

  test.each([
    ['here', /must be IPv4 networks or ranges/],
    ['192.0.2.9-192.0.2.1', /must be IPv4 networks or ranges/],
    ['fd00::/120', /must be IPv4 networks or ranges/],
    ['10.0.0.0/8', /must not have more than 65536 addresses/],
    ['127.0.0.0/24', /must not overlap 127\.0\.0\.0\/8/],
    ['192.0.2.1,', /must be IPv4 networks or ranges/],
  ])('refuses the pool %s', (pool, expected) => {
    expect(() => resolve({ flags: { loadBalancerPool: pool } })).toThrow(expected);
  });

  test.each(['10.244.7.0/28', '10.96.0.9-10.96.0.20'])(
    'refuses a pool of addresses that pods or Services have: %s',
    (pool) => {
      const inputs = { command: 'control-plane', flags: { loadBalancerPool: pool } } as const;
      expect(() => resolve(inputs)).toThrow(
        /overlaps 10\.(244|96)\.0\.0\/16, the network of (pods|Services)/,
      );
    },
  );

  test('takes URLs of Redis that name several hosts with ports, and repeats no password', () => {
    const url = 'redis+cluster://:pw@h1:7001,h2:7002';
    expect(resolve({ flags: { redisUrl: url } }).redisUrl).toBe(url);
    expect(() => resolve({ flags: { redisUrl: 'http://user:canary@h' } })).toThrow(
      /invalid value "http:\/\/…@h": must be a URL/,
    );
  });

  test.each(['ssh://host', 'https://host:2376'])(
    'refuses the engine %s, which agents cannot reach',
    (host) => {
      expect(() => resolve({ flags: { dockerHost: [host] } })).toThrow(
        /--docker-host.*unix:\/\/ or tcp:\/\/ or http:\/\//,
      );
    },
  );

  test('takes KUBECONFIG where nothing else names the cluster', () => {
    const env = { KUBECONFIG: '/a:/b' };
    const kubeconfig = (inputs: Partial<ConfigInputs>, file?: string) =>
      resolve({ command: 'client', env, ...inputs }, file).kubeconfig;
    expect(kubeconfig({})).toBe('/a:/b');
    expect(kubeconfig({ env: { KUBECONFIG: '' } })).toBeUndefined();
    expect(kubeconfig({ flags: { kubeconfig: '/c' } })).toBe('/c');
    expect(kubeconfig({ env: { ...env, SYMPHONY_KUBECONFIG: '/d' } })).toBe('/d');
    expect(kubeconfig({ flags: { dataDir: '/data' } })).toBeUndefined();
    expect(kubeconfig({ env: { ...env, SYMPHONY_DATA_DIR: '/data' } })).toBeUndefined();
    expect(kubeconfig({}, 'dataDir: /data\n')).toBeUndefined();
    expect(kubeconfig({ command: 'up' })).toBeUndefined();
  });

  test('takes flags over environment over file over defaults', () => {
    const file = 'nodes: 2\nrevision: main\npath: a\ndataDir: state\ndockerHost: [unix:///a, "tcp://b:1"]\n';
    const env = { SYMPHONY_NODES: '3', SYMPHONY_REVISION: 'dev', SYMPHONY_PATH: '' };
    expect(resolve({ flags: { nodes: '4' }, env }, file)).toMatchObject({
      nodes: 4,
      revision: 'dev',
      path: 'a',
      dataDir: '/etc/state',
      dockerHosts: ['unix:///a', 'tcp://b:1'],
    });
    expect(resolve({ env: { SYMPHONY_DOCKER_HOST: 'unix:///a, unix:///b' } }).dockerHosts).toHaveLength(2);
  });

  test('reports every problem at once, each with where it comes from', () => {
    const env = { SYMPHONY_POLL_INTERVAL: 'soon', SYMPHONY_LISTEN: 'x' };
    const problems = (): unknown =>
      resolve({ flags: { nodes: '0' }, env }, 'a: 1\nnods: 2\nruntime: podman\n');
    expect(problems).toThrow(
      [
        '/etc/symphony.yaml:1: a: unknown option',
        '/etc/symphony.yaml:2: nods: unknown option, did you mean "nodes"?',
        '--nodes: invalid value "0": must be a whole number from 1 to 5000',
        'SYMPHONY_POLL_INTERVAL: invalid value "soon": must be a duration such as 30s or 5m',
        'SYMPHONY_LISTEN: invalid value "x": must be HOST:PORT, such as 127.0.0.1:6443',
        '/etc/symphony.yaml:3: runtime: invalid value "podman": must be one of docker, hollow',
      ].join('\n'),
    );
  });

  test.each([
    [
      { flags: { clusterCidr: '10.96.0.0/12', serviceCidr: '10.100.0.0/16' } },
      '10.96.0.0/12 overlaps the service network 10.100.0.0/16',
    ],
    [
      { command: 'control-plane' as const, flags: { clusterCidr: '10.96.0.0/12' } },
      'overlaps the service network',
    ],
    [{ flags: { clusterCidr: '10.96.0.0/12', runtime: 'hollow' } }, 'overlaps the service network'],
    [{ flags: { network: 'wireguard' } }, 'wireguard is not supported; vxlan reaches'],
    [{ flags: { network: 'bgp' } }, 'must be one of auto, routes, vxlan, none'],
    [{ flags: { clusterCidr: '10.244.1.0/30' } }, 'from /8 to /29'],
    [
      { flags: { clusterCidr: '10.244.1.0/24' } },
      '--node-cidr-mask-size: 24 must be greater than the prefix of --cluster-cidr 10.244.1.0/24',
    ],
    [
      {
        env: { SYMPHONY_NODE_CIDR_MASK_SIZE: '25' },
        flags: { clusterCidr: '10.0.0.0/8', serviceCidr: '192.168.0.0/16' },
      },
      'SYMPHONY_NODE_CIDR_MASK_SIZE: 25 must be at most 16 greater than the prefix of --cluster-cidr 10.0.0.0/8',
    ],
    [{ flags: { nodeCidrMaskSize: '31' } }, 'must be a whole number from 9 to 30'],
    [
      { flags: { nodes: '300' } },
      '--nodes: 10.244.0.0/16 has shares of /24 for 255 nodes, not 300; change --cluster-cidr or --node-cidr-mask-size',
    ],
    [{ flags: { clusterCidr: '10.244.1.0/16' } }, 'must not have address bits set beyond its prefix'],
    [{ flags: { clusterCidr: '224.0.0.0/8' } }, 'must not overlap 224.0.0.0/4'],
    [{ flags: { serviceCidr: '169.254.16.0/20' } }, 'must not overlap 169.254.0.0/16'],
    [{ flags: { commitStatus: 'github' } }, '--commit-status: "github" needs --forge-repo'],
    [{ command: 'agent' as const }, '--server: required'],
  ])('sees what options say together: %j', (inputs, message) => {
    expect(() => resolve(inputs)).toThrow(message);
  });

  test.each([
    [{ clusterCidr: '10.16.0.0/12' }, 4_095],
    [{ nodeCidrMaskSize: '26' }, 1_023],
    [{ clusterCidr: '10.244.1.0/24', nodeCidrMaskSize: '28' }, 15],
  ])('lets the pods of many nodes have addresses: %j', (flags, nodes) => {
    expect(resolve({ flags: { ...flags, nodes: String(nodes) } }).nodes).toBe(nodes);
    expect(() => resolve({ flags: { ...flags, nodes: String(nodes + 1) } })).toThrow(`for ${nodes} nodes`);
  });

  test('an agent need not know how its control plane divides the network', () => {
    const flags = { server: 'https://control:6443', clusterCidr: '10.244.1.0/24' };
    expect(resolve({ command: 'agent', flags }).clusterCidr).toBe('10.244.1.0/24');
  });

  test('an agent does not compare its pods with Services that it does not know', () => {
    const flags = { server: 'https://control:6443', clusterCidr: '10.96.0.0/16' };
    expect(resolve({ command: 'agent', flags }).clusterCidr).toBe('10.96.0.0/16');
    expect(resolve({ command: 'down', flags: { clusterCidr: '10.96.0.0/16' } }).given).toContain(
      'clusterCidr',
    );
    // `up` looks for free addresses for Services.
    expect(resolve({ flags: { clusterCidr: '10.96.0.0/16' } }).clusterCidr).toBe('10.96.0.0/16');
  });

  test('a file that is no YAML names its line', () => {
    expect(() => resolve({}, 'nodes: 1\n\tx: 2\n')).toThrow(/^\/etc\/symphony\.yaml:2:/);
  });

  test('every option has one flag, one variable and one key', () => {
    for (const name of [fileKey, environmentName, (option: { flag: string }) => option.flag]) {
      expect(new Set(options.map(name)).size).toBe(options.length);
    }
    expect(environmentName({ flag: 'poll-interval' })).toBe('SYMPHONY_POLL_INTERVAL');
  });
});
