/** Hashes are those of recorded StatefulSets of Kubernetes 1.36. */
import { describe, expect, it } from 'vitest';
import {
  byRevision,
  type HistoryInput,
  planTruncation,
  planUpdateRevision,
  templateOf,
  templatePatch,
} from '../../../src/controllers/revision-history/plan-revision-history.ts';
import { revisionHash, revisionName } from '../../../src/controllers/revision-history/revision-name.ts';
import { omit } from '../../../src/schemas/json-access.ts';
import type { ControllerRevision, PodTemplate } from '../../../src/schemas/types.ts';

const templateWith = (image: string): PodTemplate => ({
  metadata: { labels: { app: 'db' } },
  spec: {
    containers: [
      {
        image,
        imagePullPolicy: 'IfNotPresent',
        name: 'c',
        resources: {},
        terminationMessagePath: '/dev/termination-log',
        terminationMessagePolicy: 'File',
      },
    ],
    dnsPolicy: 'ClusterFirst',
    restartPolicy: 'Always',
    schedulerName: 'default-scheduler',
    securityContext: {},
    terminationGracePeriodSeconds: 30,
  },
});
const [first, second] = [templateWith('registry.example/app:1'), templateWith('registry.example/app:2')];
const owner = {
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'db', namespace: 'shop', uid: 'u1' },
};

function inputOf(
  template: PodTemplate,
  revisions: readonly ControllerRevision[] = [],
  others: readonly ControllerRevision[] = [],
): HistoryInput {
  return {
    owner,
    template,
    revisions,
    collisionCount: 0,
    hashLabel: 'controller.kubernetes.io/hash',
    hashOf: revisionHash,
    named: (name) => [...revisions, ...others].find(({ metadata }) => metadata.name === name),
  };
}

const revisionOf = (
  template: PodTemplate,
  number: number,
  name = `r${String(number)}`,
): ControllerRevision => ({
  apiVersion: 'apps/v1',
  kind: 'ControllerRevision',
  metadata: { name, namespace: 'shop', uid: name },
  data: templatePatch(template),
  revision: number,
});

describe('names', () => {
  it("are Kubernetes' own", () => {
    expect(revisionHash(templatePatch(first), 0)).toBe('66897bfb94');
    expect(revisionHash(templatePatch(second), 0)).toBe('84b4486cc9');
  });

  it('hash what Go writes: its JSON escapes what HTML gives a meaning to', () => {
    expect(revisionHash({ a: '<&>\u2028é' }, undefined)).toBe('694846454b');
  });

  it('keep 223 characters of the name of the owner', () => {
    expect(revisionName('x'.repeat(253), 'abc')).toBe(`${'x'.repeat(223)}-abc`);
  });
});

describe('the revision of a template', () => {
  it('is created with the next number, the labels of the template and its hash', () => {
    const { revision, writes } = planUpdateRevision(inputOf(second, [revisionOf(first, 4)]));
    expect(writes).toEqual([{ verb: 'create', object: revision }]);
    expect(revision).toMatchObject({
      metadata: {
        name: 'db-84b4486cc9',
        namespace: 'shop',
        labels: { app: 'db', 'controller.kubernetes.io/hash': '84b4486cc9' },
        ownerReferences: [{ kind: 'StatefulSet', name: 'db', uid: 'u1', controller: true }],
      },
      revision: 5,
    });
    expect(templateOf(revision)).toEqual(second);
  });

  it('is found again, and is left alone while it is the newest', () => {
    const current = revisionOf(first, 2);
    expect(planUpdateRevision(inputOf(first, [current, revisionOf(second, 1)]))).toEqual({
      revision: current,
      writes: [],
      collisionCount: 0,
    });
  });

  it('is renumbered when the template goes back to it', () => {
    const back = planUpdateRevision(inputOf(first, [revisionOf(first, 1), revisionOf(second, 2)]));
    expect(back.revision).toMatchObject({ metadata: { name: 'r1' }, revision: 3 });
    expect(back.writes).toEqual([{ verb: 'update', object: back.revision }]);
  });

  it('is found again when an earlier version did not know a default of it', () => {
    const spec = omit(first.spec ?? { containers: [] }, 'terminationGracePeriodSeconds');
    const old = revisionOf({ ...first, spec }, 1);
    expect(planUpdateRevision(inputOf(first, [old])).revision).toBe(old);
  });

  it('gets another name when a different revision has its own', () => {
    const other = revisionOf(second, 1, 'db-66897bfb94');
    const { revision, collisionCount } = planUpdateRevision(inputOf(first, [], [other]));
    expect(collisionCount).toBe(1);
    expect(revision.metadata.name).toBe(`db-${revisionHash(templatePatch(first), 1)}`);
  });

  it('is the one of its name when that holds the same template', () => {
    const same = revisionOf(first, 7, 'db-66897bfb94');
    expect(planUpdateRevision(inputOf(first, [], [same]))).toEqual({
      revision: same,
      writes: [],
      collisionCount: 0,
    });
  });

  it('is created beside one whose data is no template', () => {
    const odd: ControllerRevision = { ...revisionOf(first, 3), data: { spec: null } };
    expect(planUpdateRevision(inputOf(first, [odd])).revision.revision).toBe(4);
  });
});

it('truncation deletes the oldest', () => {
  const unneeded = [3, 1, 2].map((number) => revisionOf(first, number));
  const names = planTruncation(unneeded, 2).map(({ object }) => object.metadata.name);
  expect(names).toEqual(['r1', 'r2']);
  expect(planTruncation(unneeded, -1)).toEqual([]);
});

it('revisions of one number are ordered by age, then by name', () => {
  const at = (name: string, creationTimestamp: string): ControllerRevision => {
    const revision = revisionOf(first, 1, name);
    return { ...revision, metadata: { ...revision.metadata, creationTimestamp } };
  };
  const [a, b, c] = [
    at('a', '2026-01-02T00:00:00Z'),
    at('b', '2026-01-01T00:00:00Z'),
    at('c', '2026-01-01T00:00:00Z'),
  ];
  expect([a, c, b].sort(byRevision)).toEqual([b, c, a]);
});
