import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { comesTrue } from '../support/comes-true.ts';
import { systemClock } from '../../src/base/clock.ts';
import type { WatchSink } from '../../src/resources/types.ts';
import type { KubeObject } from '../../src/schemas/object.ts';
import type { ResourceKind } from '../../src/schemas/resource-kind.ts';
import { definitionSample } from '../schemas/custom-samples.ts';
import { startDefinitions } from '../support/definitions.ts';
import { plainWrite, startTestCore, type TestCore } from '../api/test-api.ts';

interface Watched extends WatchSink {
  readonly frames: readonly string[];
  readonly ended: () => boolean;
}

function recorder(): Watched {
  const frames: string[] = [];
  let over = false;
  return {
    frames,
    ended: () => over,
    frame: ({ type, object }) => void frames.push(`${type} ${object.metadata.name}`),
    end: () => {
      over = true;
    },
  };
}

describe('a watch of custom resources', () => {
  let test: TestCore;
  let definitions: AsyncDisposable;
  let kind: ResourceKind;
  const served = (): ResourceKind | undefined => test.registry.byResource('rec.example.com', 'v1', 'gadgets');
  const definition = (): ResourceKind =>
    test.registry.byResource('apiextensions.k8s.io', 'v1', 'customresourcedefinitions') as ResourceKind;

  beforeEach(async () => {
    test = await startTestCore(systemClock);
    definitions = await startDefinitions(test);
    await test.core.create(
      { kind: definition(), namespace: undefined },
      definitionSample,
      plainWrite,
      test.context,
    );
    kind = await comesTrue(() => {
      const found = served();
      if (!found) throw new Error('not served yet');
      return found;
    });
    const gadget = {
      apiVersion: 'rec.example.com/v1',
      kind: 'Gadget',
      metadata: { name: 'g' },
      spec: { size: 1 },
    };
    await test.core.create({ kind, namespace: 'default' }, gadget, plainWrite, test.context);
  });
  afterEach(async () => {
    await definitions[Symbol.asyncDispose]();
    await test[Symbol.asyncDispose]();
  });

  const watch = async (): Promise<Watched> => {
    const sink = recorder();
    await test.core.watch({ kind, namespace: 'default' }, {}, sink);
    return sink;
  };
  const change = (update: (current: KubeObject) => KubeObject): Promise<unknown> =>
    (async () => {
      const name = definitionSample.metadata.name;
      const current = await test.core.get({ kind: definition(), namespace: undefined, name });
      return test.core.update(
        { kind: definition(), namespace: undefined, name },
        update(current),
        plainWrite,
        test.context,
      );
    })();

  it('is told of the objects that go with their definition, and ends', async () => {
    const sink = await watch();
    const name = definitionSample.metadata.name;
    await test.core.delete(
      { kind: definition(), namespace: undefined, name },
      { dryRun: false },
      test.context,
    );
    await comesTrue(() => expect(sink.ended()).toBe(true));
    expect(sink.frames).toEqual(['ADDED g', 'DELETED g']);
    expect(served()).toBeUndefined();
  });

  it('ends when the definition says something else, so that the client comes back and sees it', async () => {
    const sink = await watch();
    await change((current) => {
      const spec = structuredClone(current['spec']) as { versions: { served: boolean }[] };
      return {
        ...current,
        spec: { ...spec, names: { ...(spec as never as { names: object }).names, shortNames: ['gg'] } },
      };
    });
    await comesTrue(() => expect(sink.ended()).toBe(true));
    await comesTrue(() => expect(served()?.shortNames).toEqual(['gg']));
    kind = served() as ResourceKind;
    expect((await watch()).frames).toEqual(['ADDED g']);
  });

  it('goes on while the definition changes in nothing that matters', async () => {
    const sink = await watch();
    await change((current) => ({
      ...current,
      metadata: { ...current.metadata, labels: { some: 'label' } },
    }));
    await comesTrue(async () => {
      const cache = await test.caches.open('customresourcedefinitions.apiextensions.k8s.io');
      expect(cache.get(definitionSample.metadata.name)?.metadata.labels).toEqual({ some: 'label' });
    });
    expect(served()).toBe(kind);
    await test.core.delete({ kind, namespace: 'default', name: 'g' }, { dryRun: false }, test.context);
    await comesTrue(() => expect(sink.frames).toEqual(['ADDED g', 'DELETED g']));
    expect(sink.ended()).toBe(false);
  });
});
