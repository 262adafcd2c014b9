/**
 * A controller is its folder and one line of the table: these tests add one, and hold the table
 * against the folders.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Controller, Reconciler } from '../../src/controllers/controller.ts';
import { itself } from '../../src/controllers/controller.ts';
import { type EventTexts, eventsOf } from '../../src/controllers/planned-event.ts';
import { controllersFor } from '../../src/controllers/start-controllers.ts';
import type { ConfigMap, Event } from '../../src/schemas/types.ts';
import { startTestCluster } from '../support/cluster.ts';
import { aConfigMap } from '../support/builders.ts';

const EVENTS = {
  component: 'toy',
  texts: {
    greeted: { type: 'Normal', reason: 'Greeted', message: (name: string) => `Said hello to ${name}` },
  },
} satisfies EventTexts;
const event = eventsOf<typeof EVENTS.texts>();

/** Labels every ConfigMap of the namespace `default`. */
const toy: Controller = {
  name: 'toy',
  async open({ caches }, scope): Promise<Reconciler<ConfigMap>> {
    const configMaps = await caches.open<ConfigMap>('configmaps');
    scope.on(configMaps, itself);
    return {
      events: EVENTS,
      keys: () => [],
      observe: (key) => (key.startsWith('default/') ? configMaps.get(key) : undefined),
      plan(object) {
        const { labels } = object.metadata;
        if (labels?.['greeted'] === 'yes') return undefined;
        const metadata = { ...object.metadata, labels: { ...labels, greeted: 'yes' } };
        return {
          writes: [{ verb: 'update', object: { ...object, metadata } }],
          events: [event('greeted', object, object.metadata.name)],
        };
      },
    };
  },
};

it('a controller in the table reconciles, and its events are said in its words', async () => {
  await using cluster = await startTestCluster({ more: [toy] });
  await cluster.objects.create(aConfigMap({ name: 'world' }));
  await cluster.clock.advance(1_000);
  await cluster.context.events.flush();
  const found = await cluster.store.get('configmaps', 'default/world');
  expect(found?.metadata.labels).toEqual({ greeted: 'yes' });
  const events = (await cluster.store.list('events')).objects as readonly Event[];
  expect(events.filter(({ involvedObject }) => involvedObject.kind === 'ConfigMap')).toMatchObject([
    { reason: 'Greeted', message: 'Said hello to world', count: 1, source: { component: 'toy' } },
  ]);
});

describe('the table of controllers', () => {
  const root = join(import.meta.dirname, '../../src/controllers');
  /** Controllers share what is in these. */
  const SHARED = ['revision-history'];
  const folders = readdirSync(root, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && !SHARED.includes(entry.name),
  );
  const table = controllersFor({
    signSecretToken: async () => '',
    certificates: { issue: async () => '' },
  });

  it('has a controller of every folder, each name once', () => {
    const names = table.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    // Upstream's names, which logs show, have fewer hyphens than those of our folders.
    const plain = (name: string): string => name.replaceAll('-', '');
    expect(names.map(plain)).toEqual(expect.arrayContaining(folders.map(({ name }) => plain(name))));
  });

  it('imports every controller file', () => {
    const source = readFileSync(join(root, 'start-controllers.ts'), 'utf8');
    for (const { name } of folders)
      for (const file of readdirSync(join(root, name)).filter((one) => one.endsWith('-controller.ts')))
        expect(source).toContain(`'./${name}/${file}'`);
  });
});
