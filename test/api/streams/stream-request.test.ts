import { describe, expect, it } from 'vitest';
import { planPortForward, planSession, portsOf } from '../../../src/api/streams/stream-request.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';

const pod = (spec: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { nodeName: 'n1', containers: [{ name: 'main' }], ...spec },
});
const query = (text: string): URLSearchParams => new URLSearchParams(text);

describe('requests for streams', () => {
  it('become a path at the agent of the pod', () => {
    expect(planSession(pod(), 'exec', query('command=ls&command=-l&stdout=true&stdin=1&tty=true'))).toEqual({
      node: 'n1',
      path: '/exec/shop/web/main?stdin=true&tty=true&command=ls&command=-l',
      streams: ['error', 'stdin', 'stdout', 'resize'],
    });
    expect(planSession(pod(), 'attach', query('stdout=true&container=main'))).toEqual({
      node: 'n1',
      path: '/attach/shop/web/main?',
      streams: ['error', 'stdout'],
    });
    expect(planPortForward(pod(), 80)).toEqual({ node: 'n1', path: '/portForward/shop/web?port=80' });
  });

  it('have one output when there is a terminal, as dashboards take for granted', () => {
    const { streams } = planSession(pod(), 'exec', query('command=sh&stdout=1&stderr=1&tty=1'));
    expect(streams).toEqual(['error', 'stdout', 'resize']);
  });

  it('mean the only container that there is, whatever runs before it', () => {
    const spec = { initContainers: [{ name: 'first' }], ephemeralContainers: [{ name: 'debug' }] };
    expect(planSession(pod(spec), 'attach', query('stdout=true')).path).toBe('/attach/shop/web/main?');
  });

  it.each([
    [
      'nothing is to be streamed',
      pod(),
      'command=ls',
      'you must specify at least 1 of stdin, stdout, stderr',
    ],
    ['there is no command', pod(), 'stdout=true', 'you must specify at least 1 command for the container'],
    [
      'the container is unknown',
      pod(),
      'command=ls&stdout=true&container=x',
      'container x is not valid for pod web',
    ],
    [
      'the container is not named',
      pod({ containers: [{ name: 'a' }, { name: 'b' }] }),
      'command=ls&stdout=true',
      'a container name must be specified for pod web, choose one of: [a b]',
    ],
    [
      'the pod has no node yet',
      pod({ nodeName: undefined }),
      'command=ls&stdout=true',
      'pod web does not have a host assigned',
    ],
  ])('are refused when %s', (_, object, text, message) => {
    expect(() => planSession(object, 'exec', query(text))).toThrow(message);
  });

  it('name ports that exist', () => {
    expect(portsOf(query('ports=80&ports=443'))).toEqual([80, 443]);
    expect(portsOf(query('ports=80,443'))).toEqual([80, 443]);
    for (const bad of ['', 'ports=0', 'ports=65536', 'ports=x', `ports=${'1,'.repeat(64)}1`])
      expect(() => portsOf(query(bad))).toThrow('query parameter "ports"');
  });
});
