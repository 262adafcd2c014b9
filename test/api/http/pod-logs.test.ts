import { describe, expect, it } from 'vitest';
import { logQuery } from '../../../src/api/http/pod-logs.ts';
import { chooseContainer } from '../../../src/api/streams/stream-request.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';

const pod = (spec: object): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'shop' },
  spec,
});
const named = (...names: readonly string[]) => names.map((name) => ({ name }));
const query = (text: string): string => logQuery('web', new URLSearchParams(text)).toString();

describe('the container of a log', () => {
  it('is the only one, whatever ran before it or looks into it', () => {
    const spec = { containers: named('a'), initContainers: named('i'), ephemeralContainers: named('e') };
    expect(chooseContainer(pod(spec), '')).toBe('a');
    for (const name of ['a', 'i', 'e']) expect(chooseContainer(pod(spec), name)).toBe(name);
  });

  it('must be named where there is a choice', () => {
    expect(() => chooseContainer(pod({ containers: named('a', 'b') }), '')).toThrow(
      'a container name must be specified for pod web, choose one of: [a b]',
    );
    expect(() =>
      chooseContainer(pod({ containers: named('a', 'b'), initContainers: named('i', 'j') }), ''),
    ).toThrow('choose one of: [a b] or one of the init containers: [i j]');
    expect(() => chooseContainer(pod({ containers: named('a') }), 'x')).toThrow(
      'container x is not valid for pod web',
    );
  });
});

describe('options of a log', () => {
  it('reach the agent in the words of the kubelet', () => {
    expect(query('follow=true&previous=1&timestamps=true&tailLines=0&limitBytes=5&sinceSeconds=60')).toBe(
      'follow=true&previous=true&timestamps=true&tailLines=0&limitBytes=5&sinceSeconds=60',
    );
    expect(query('insecureSkipTLSVerifyBackend=true&container=a&pretty=true')).toBe('');
    expect(query('stream=All&tailLines=3')).toBe('tailLines=3');
    expect(query('stream=Stderr')).toBe('stream=Stderr');
  });

  it.each([
    ['tailLines=-1', 'tailLines: Invalid value: -1: must be greater than or equal to 0'],
    ['limitBytes=0', 'limitBytes: Invalid value: 0: must be greater than 0'],
    ['sinceSeconds=0', 'sinceSeconds: Invalid value: 0: must be greater than 0'],
    [
      'sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z',
      'Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified',
    ],
    ['stream=Both', 'stream: Unsupported value: "Both": supported values: "All", "Stderr", "Stdout"'],
    [
      'stream=Stdout&tailLines=1',
      'Forbidden: `tailLines` and specific `stream` are mutually exclusive for now',
    ],
  ])('are refused as %s', (text, message) => {
    expect(() => query(text)).toThrow(`PodLogOptions "web" is invalid: ${message}`);
  });

  it('that are no numbers or times are bad requests', () => {
    expect(() => query('tailLines=x')).toThrow('strconv.ParseInt');
    expect(() => query('sinceTime=yesterday')).toThrow('parsing time "yesterday"');
  });
});
