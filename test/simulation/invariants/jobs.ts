/**
 * 18. Counted finishes. A Job counts each pod once: it never says more successes than pods that
 *     succeeded, nor more than its completions, never takes one back, and once no pod waits to be
 *     counted, it has counted all of them. Pods that a node reports only after the rebuild count
 *     beyond the completions: others ran in their place. Those that were reported in time do not.
 * 21. Schedules. A CronJob never makes two Jobs for one time; with `Forbid`, none beside an
 *     unfinished one.
 */
import { type KubeObject, controllerOf } from '../../../src/schemas/object.ts';
import type { CronJob, Job, Pod } from '../../../src/schemas/types.ts';
import { isTerminating } from './facts.ts';
import type { Checker } from './types.ts';

const TRACKING = 'batch.kubernetes.io/job-tracking';
const SCHEDULED = 'batch.kubernetes.io/cronjob-scheduled-timestamp';
const tracked = ({ metadata }: KubeObject): boolean => metadata.finalizers?.includes(TRACKING) === true;
export const isOver = ({ status }: Job): boolean =>
  status?.conditions?.some(
    ({ type, status: value }) => ['Complete', 'Failed'].includes(type) && value === 'True',
  ) === true;

export const countedFinishes: Checker = {
  invariant: 18,
  attach({ world, report }) {
    const { ledger } = world;
    /** Pods that were seen to succeed, and those of them that were let go, by the Job's uid. */
    const succeeded = new Map<string, Set<string>>();
    const released = new Map<string, Set<string>>();
    /** Pods that a node reported when the rebuild after lost history was over. */
    const late = new Set<string>();
    const add = (sets: Map<string, Set<string>>, owner: string, uid: string): void =>
      void sets.set(owner, (sets.get(owner) ?? new Set()).add(uid));

    ledger.onEvent(({ type, resource, key, object, previous }) => {
      if (resource === 'pods') {
        // A new pod has no node yet.
        if (type === 'ADDED' && (object as Pod).spec.nodeName && world.data.state?.phase === 'normal')
          late.add(object.metadata.uid ?? '');
        const owner = controllerOf(object);
        if (owner?.kind !== 'Job' || (object as Pod).status?.phase !== 'Succeeded') return;
        add(succeeded, owner.uid, object.metadata.uid ?? '');
        // Without its Job, nobody counts it.
        const job = ledger.recent<Job>(owner.uid).at(-1);
        if (previous && tracked(previous) && !tracked(object) && job && !isTerminating(job))
          add(released, owner.uid, object.metadata.uid ?? '');
      }
      if (resource !== 'jobs.batch' || type === 'DELETED') return;
      const { metadata, spec, status } = object as Job;
      const uid = metadata.uid ?? '';
      const count = status?.succeeded ?? 0;
      const own = [...(succeeded.get(uid) ?? [])];
      const seen = own.length;
      const lateCount = own.filter((pod) => late.has(pod)).length;
      const before = (previous as Job | undefined)?.status?.succeeded ?? 0;
      if (count > seen) report(18, `Job ${key} counts ${count} successes of ${seen} pods`);
      if (count > (spec.completions ?? Number.POSITIVE_INFINITY) + lateCount)
        report(18, `Job ${key} counts ${count} successes of ${spec.completions} completions`);
      if (previous?.metadata.uid === uid && count < before)
        report(18, `Job ${key} counts ${count} successes after ${before}`);
    });
    return () => {
      for (const [key, { metadata, status, spec }] of ledger.objects<Job>('jobs.batch')) {
        const uid = metadata.uid ?? '';
        const { uncountedTerminatedPods: uncounted, succeeded: count = 0 } = status ?? {};
        if (isTerminating({ metadata } as Job) || (uncounted?.succeeded?.length ?? 0) > 0) continue;
        const gone = released.get(uid)?.size ?? 0;
        if (count < Math.min(gone, spec.completions ?? gone))
          report(18, `Job ${key} counts ${count} successes, but let ${gone} succeeded pods go`);
      }
    };
  },
};

export const schedules: Checker = {
  invariant: 21,
  attach({ world, report }) {
    const { ledger } = world;
    const made = new Map<string, string>();
    ledger.onEvent(({ type, resource, key, object }) => {
      const owner = resource === 'jobs.batch' && type === 'ADDED' ? controllerOf(object) : undefined;
      if (owner?.kind !== 'CronJob') return;
      const time = object.metadata.annotations?.[SCHEDULED] ?? '';
      const known = made.get(`${owner.uid} ${time}`);
      if (known !== undefined) report(21, `CronJob ${owner.name} made ${known} and ${key} for ${time}`);
      made.set(`${owner.uid} ${time}`, key);
      const states = ledger.recent<CronJob>(owner.uid);
      if (!states.every(({ spec }) => spec.concurrencyPolicy === 'Forbid')) return;
      for (const [other, job] of ledger.objects<Job>('jobs.batch')) {
        const isBeside = other !== key && controllerOf(job)?.uid === owner.uid;
        if (isBeside && !isOver(job)) report(21, `CronJob ${owner.name} made ${key} while ${other} runs`);
      }
    });
  },
};
