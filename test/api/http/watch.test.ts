import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestHttp, type TestHttp } from '../test-http.ts';

const path = '/api/v1/namespaces/default/configmaps';

interface WatchEvent {
  readonly type: string;
  readonly object: {
    readonly kind: string;
    readonly code?: number;
    readonly reason?: string;
    readonly metadata: { readonly name?: string; readonly annotations?: Record<string, string> };
  };
}

let http: TestHttp;
beforeEach(async () => {
  http = await startTestHttp();
});
afterEach(() => http[Symbol.asyncDispose]());

const create = (name: string, labels: Record<string, string> = {}): Promise<unknown> =>
  http.send('POST', path, { metadata: { name, labels } });
const label = (name: string, labels: Record<string, string | null>): Promise<unknown> =>
  http.send(
    'PATCH',
    `${path}/${name}`,
    { metadata: { labels } },
    { contentType: 'application/merge-patch+json' },
  );

async function version(): Promise<string> {
  const list = await http.send('GET', path);
  return (list.body['metadata'] as { resourceVersion: string }).resourceVersion;
}

/**
 * Everything that a watch of one second tells; it looks back to `from`, so that nothing has to be
 * timed.
 */
async function watched(query: Record<string, string>): Promise<readonly WatchEvent[]> {
  const search = new URLSearchParams({ watch: '1', timeoutSeconds: '1', ...query }).toString();
  const { text } = await http.send('GET', `${path}?${search}`);
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as WatchEvent);
}

const brief = (events: readonly WatchEvent[]): readonly string[] =>
  events.map(({ type, object }) => `${type} ${object.metadata.name ?? ''}`.trim());

describe('a watch over HTTP', () => {
  it('tells what happened since a version, in order', async () => {
    const from = await version();
    await create('a');
    await create('b');
    await label('a', { x: '1' });
    await http.send('DELETE', `${path}/b`);
    expect(brief(await watched({ resourceVersion: from }))).toEqual([
      'ADDED a',
      'ADDED b',
      'MODIFIED a',
      'DELETED b',
    ]);
  });

  it('adds an object that begins to match a selector and deletes one that ceases to', async () => {
    await create('a', { tier: 'web' });
    await create('b');
    const from = await version();
    await label('b', { tier: 'web' });
    await label('a', { tier: 'db' });
    await label('a', { note: 'x' });
    await label('b', { note: 'y' });
    expect(brief(await watched({ resourceVersion: from, labelSelector: 'tier=web' }))).toEqual([
      'ADDED b',
      'DELETED a',
      'MODIFIED b',
    ]);
  });

  it('begins with the state, and marks its end where the client asks', async () => {
    await create('a');
    const events = await watched({
      sendInitialEvents: 'true',
      resourceVersionMatch: 'NotOlderThan',
      allowWatchBookmarks: 'true',
    });
    expect(brief(events).slice(0, 2)).toEqual(['ADDED a', 'BOOKMARK']);
    expect(events[1]?.object.metadata.annotations).toEqual({ 'k8s.io/initial-events-end': 'true' });
  });

  it('ends with a bookmark of the current version only where the client asks for bookmarks', async () => {
    const from = await version();
    expect(await watched({ resourceVersion: from })).toEqual([]);
    const events = await watched({ resourceVersion: from, allowWatchBookmarks: 'true' });
    expect(events.map(({ type }) => type)).toEqual(['BOOKMARK']);
  });

  it('answers 410 within the stream to a version that is no longer known', async () => {
    const [event] = await watched({ resourceVersion: '1' });
    expect(event).toMatchObject({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } });
  });

  it('is not made of a GET of one object', async () => {
    await create('b');
    const { body } = await http.send('GET', `${path}/b?watch=1&timeoutSeconds=1`);
    expect(body).toMatchObject({ kind: 'ConfigMap', metadata: { name: 'b' } });
  });
});

describe('selectors of lists over HTTP', () => {
  it('by labels, sets of labels and fields', async () => {
    await create('a', { tier: 'web', env: 'prod' });
    await create('b', { tier: 'db', env: 'prod' });
    await create('c', { tier: 'db' });
    const names = async (query: Record<string, string>): Promise<readonly string[]> => {
      const { body } = await http.send('GET', `${path}?${new URLSearchParams(query).toString()}`);
      return (body['items'] as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name);
    };
    expect(await names({ labelSelector: 'tier=db' })).toEqual(['b', 'c']);
    expect(await names({ labelSelector: 'tier in (web, db),env' })).toEqual(['a', 'b']);
    expect(await names({ labelSelector: '!env' })).toEqual(['c']);
    expect(await names({ labelSelector: 'tier notin (web)' })).toEqual(['b', 'c']);
    expect(await names({ fieldSelector: 'metadata.name!=b' })).toEqual(['a', 'c']);
    expect(await names({ labelSelector: 'env=prod', fieldSelector: 'metadata.name=b' })).toEqual(['b']);
  });

  it.each([
    ['labelSelector=a%20in%20(b', 400],
    ['fieldSelector=spec.nothing%3Dx', 400],
    ['labelSelector=%3D%3D', 400],
    ['limit=x', 400],
    ['continue=nonsense', 400],
  ])('%s is refused with a Status', async (query, code) => {
    const answer = await http.send('GET', `${path}?${query}`);
    expect(answer.code).toBe(code);
    expect(answer.body).toMatchObject({ kind: 'Status', status: 'Failure', code });
  });
});
