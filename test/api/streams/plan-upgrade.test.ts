import { describe, expect, it } from 'vitest';
import { planUpgrade } from '../../../src/api/streams/plan-upgrade.ts';

const webSocket = (protocols?: string) => ({
  upgrade: 'websocket',
  ...(protocols === undefined ? {} : { 'sec-websocket-protocol': protocols }),
});
const spdy = (versions?: string) => ({
  upgrade: 'SPDY/3.1',
  ...(versions === undefined ? {} : { 'x-stream-protocol-version': versions }),
});

describe('the protocol of a stream', () => {
  it.each([
    [
      'v5 before all others',
      'exec',
      webSocket('v4.channel.k8s.io, v5.channel.k8s.io'),
      'channels',
      'v5.channel.k8s.io',
    ],
    ['v4 of older clients', 'attach', webSocket('v4.channel.k8s.io'), 'channels', 'v4.channel.k8s.io'],
    [
      'what dashboards offer',
      'exec',
      webSocket('base64.channel.k8s.io'),
      'channels',
      'base64.channel.k8s.io',
    ],
    ['the oldest for a client that names none', 'exec', webSocket(), 'channels', ''],
    [
      'a token is not a protocol',
      'exec',
      webSocket('base64url.bearer.authorization.k8s.io.abc'),
      'channels',
      '',
    ],
    ['v4 for ports', 'portforward', webSocket('v4.channel.k8s.io'), 'channels', 'v4.channel.k8s.io'],
    [
      'SPDY as kubectl 1.20 offers it',
      'exec',
      spdy('v4.channel.k8s.io, v3.channel.k8s.io, channel.k8s.io'),
      'spdy',
      'v4.channel.k8s.io',
    ],
    ['SPDY of the oldest clients', 'attach', spdy('channel.k8s.io'), 'spdy', 'channel.k8s.io'],
    ['SPDY for ports', 'portforward', spdy('portforward.k8s.io'), 'spdy', 'portforward.k8s.io'],
    [
      'SPDY inside a WebSocket',
      'portforward',
      webSocket('SPDY/3.1+portforward.k8s.io'),
      'spdy',
      'portforward.k8s.io',
    ],
  ] as const)('is %s', (_, kind, headers, speaks, name) => {
    expect(planUpgrade(kind, headers)).toMatchObject({ speaks, protocol: { name } });
  });

  it('is answered in the handshake under the name it was offered by', () => {
    expect(planUpgrade('portforward', webSocket('SPDY/3.1+portforward.k8s.io')).webSocket).toBe(
      'SPDY/3.1+portforward.k8s.io',
    );
    expect(planUpgrade('exec', spdy('v4.channel.k8s.io')).webSocket).toBeUndefined();
  });

  it('is refused when there is none that both speak', () => {
    expect(() => planUpgrade('exec', spdy('v9.channel.k8s.io'))).toThrow(
      'unable to upgrade: unable to negotiate protocol: client supports [v9.channel.k8s.io], server accepts [v4.channel.k8s.io v3.channel.k8s.io v2.channel.k8s.io channel.k8s.io]',
    );
    expect(() => planUpgrade('exec', webSocket('v9.channel.k8s.io'))).toThrow(
      'client supports [v9.channel.k8s.io]',
    );
    expect(() => planUpgrade('exec', spdy())).toThrow('X-Stream-Protocol-Version is required');
    expect(() => planUpgrade('exec', { upgrade: 'h2c' })).toThrow('"h2c" is not served');
  });
});
