/** 6 and 7. What the sync worker takes away, and what it claims to have brought. */
import { TRACKING_ANNOTATION } from '../../../src/diff/tracking.ts';
import type { Application, ConfigMap, Deployment } from '../../../src/schemas/types.ts';
import { RECENT_MS } from '../../support/sim-ledger.ts';
import type { DeploymentDraft, TreeDraft } from '../manifests.ts';
import { RESOURCES } from '../workloads.ts';
import { differenceOfWorkload } from './workload-facts.ts';
import type { CheckContext, Checker } from './types.ts';

const MANAGED: Readonly<Record<string, (tree: TreeDraft, name: string) => boolean>> = {
  'deployments.apps': (tree, name) => name in tree.deployments,
  configmaps: (tree, name) => name in tree.configMaps,
  ...Object.fromEntries(
    [...Object.values(RESOURCES), 'services'].map((resource) => [
      resource,
      (tree: TreeDraft, name: string) => name in tree.workloads,
    ]),
  ),
};

export const pruneGuard: Checker = {
  invariant: 6,
  attach({ world, report, commits, touched }) {
    world.ledger.onEvent(({ type, resource, key, object, previous }) => {
      const contains = MANAGED[resource];
      if (!contains || object.metadata.annotations?.[TRACKING_ANNOTATION] === undefined) return;
      const marked =
        object.metadata.deletionTimestamp !== undefined && previous?.metadata.deletionTimestamp === undefined;
      const gone = type === 'DELETED' && previous?.metadata.deletionTimestamp === undefined;
      if ((!marked && !gone) || touched(resource, key)) return;
      if (world.data.state?.phase !== 'normal') report(6, `${resource} ${key} was deleted during a rebuild`);
      const justified = recentlyResolved(world).some((id) => {
        const commit = commits.get(id);
        const size = commit
          ? Object.keys({ ...commit.tree.deployments, ...commit.tree.configMaps, ...commit.tree.workloads })
              .length
          : 0;
        return commit?.readable === true && size > 0 && !contains(commit.tree, object.metadata.name);
      });
      if (!justified) report(6, `${resource} ${key} was deleted, but no complete commit lacks it`);
    });
  },
};

/** The revision that the worker follows, and those that it followed until a moment ago. */
function recentlyResolved({ resolved, clock }: CheckContext['world']): readonly string[] {
  const last = resolved.length - 1;
  return resolved
    .filter((_, index) => index === last || clock.now() - (resolved[index + 1]?.atMs ?? 0) <= RECENT_MS)
    .map(({ commit }) => commit);
}

export const revision: Checker = {
  invariant: 7,
  attach(context) {
    const { world, report, commits, touched } = context;
    let synced = '';
    world.ledger.onEvent(({ resource, type, object }) => {
      if (resource !== 'applications.argoproj.io' || type === 'DELETED') return;
      const status = (object as Application).status as
        | { sync?: { status?: string; revision?: string }; operationState?: { phase?: string } }
        | undefined;
      const id = status?.sync?.revision;
      if (status?.sync?.status !== 'Synced' || id === undefined) return;
      const commit = commits.get(id);
      if (!commit?.readable) return report(7, `Synced at ${id}, which cannot be read`);
      const { ledger } = world;
      for (const [name, draft] of Object.entries(commit.tree.deployments)) {
        const key = `default/${name}`;
        if (touched('deployments.apps', key)) continue;
        const difference = differenceOf(ledger.objects<Deployment>('deployments.apps').get(key), draft);
        if (difference) report(7, `Synced at ${id}, but Deployment ${name} ${difference}`);
      }
      for (const [name, draft] of Object.entries(commit.tree.workloads)) {
        const key = `default/${name}`;
        const resource = RESOURCES[draft.kind];
        if (touched(resource, key)) continue;
        const difference = differenceOfWorkload(ledger.objects(resource).get(key), draft);
        if (difference) report(7, `Synced at ${id}, but ${draft.kind} ${name} ${difference}`);
      }
      for (const [name, value] of Object.entries(commit.tree.configMaps)) {
        const key = `default/${name}`;
        const live = ledger.objects<ConfigMap>('configmaps').get(key);
        if (!touched('configmaps', key) && live?.data?.['value'] !== value) {
          report(7, `Synced at ${id}, but ConfigMap ${name} is not as in Git`);
        }
      }
      if (synced !== id && isAncestor(commits, id, synced)) {
        // A force-push may come between the fetch of the descendant and its last write.
        const fetched = world.resolved.findLast(({ commit: known }) => known === synced);
        if (context.forcedAtMs < (fetched?.atMs ?? 0))
          report(7, `Synced at ${id} after its descendant ${synced}, without a force-push`);
      }
      synced = id;
    });
  },
};

/** How a live Deployment differs from what Git says; undefined when it does not. */
export function differenceOf(live: Deployment | undefined, draft: DeploymentDraft): string | undefined {
  if (!live) return 'is missing';
  const container = live.spec.template.spec?.containers[0];
  const pairs: readonly (readonly [string, unknown, unknown])[] = [
    ['replicas', live.spec.replicas, draft.replicas],
    ['image', container?.image, draft.image],
    ['cpu', container?.resources?.requests?.['cpu'], draft.cpu],
    ['minReadySeconds', live.spec.minReadySeconds ?? 0, draft.minReadySeconds],
    ['grace', live.spec.template.spec?.terminationGracePeriodSeconds, draft.graceSeconds],
    ['strategy', live.spec.strategy?.type, draft.rollout.type],
    ['host port', container?.ports?.[0]?.hostPort, draft.hostPort],
    ['containers', live.spec.template.spec?.containers.length, draft.sidecar ? 2 : 1],
  ];
  const found = pairs.find(([, is, wanted]) => is !== wanted);
  return found && `has ${found[0]} ${JSON.stringify(found[1])}, not ${JSON.stringify(found[2])}`;
}

function isAncestor(commits: CheckContext['commits'], ancestor: string, commit: string): boolean {
  const open = [...(commits.get(commit)?.parents ?? [])];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (id === ancestor) return true;
    open.push(...(commits.get(id)?.parents ?? []));
  }
  return false;
}
