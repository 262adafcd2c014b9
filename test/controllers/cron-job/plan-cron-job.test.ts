import { describe, expect, it } from 'vitest';
import { seededRng } from '../../../src/base/rng.ts';
import { CRON_JOB_EVENTS } from '../../../src/controllers/cron-job/cron-job-events.ts';
import { planCronJob, planRefusedJob } from '../../../src/controllers/cron-job/plan-cron-job.ts';
import { eventInput } from '../../../src/controllers/planned-event.ts';
import type { Plan } from '../../../src/controllers/controller.ts';
import type { CronJob, Job } from '../../../src/schemas/types.ts';

const CREATED = '2026-11-30T09:00:30Z';
const ms = (time: string): number => Date.parse(time);
const minute = (time: string): number => ms(time) / 60_000;

function aCronJob(spec: Partial<CronJob['spec']> = {}, status: CronJob['status'] = {}): CronJob {
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'cj', namespace: 'default', uid: 'cj-uid', creationTimestamp: CREATED },
    spec: {
      schedule: '0 * * * *',
      concurrencyPolicy: 'Allow',
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 1,
      jobTemplate: {
        metadata: { labels: { x: 'y' }, annotations: { a: 'b' } },
        spec: { template: { spec: { containers: [{ name: 'c' }] } } },
      },
      ...spec,
    },
    status,
  };
}

type Finish = 'Complete' | 'Failed';

function aJob(name: string, finish?: Finish, at = '2026-11-30T10:05:00Z'): Job {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace: 'default', uid: `${name}-uid` },
    spec: { template: {} },
    status: {
      startTime: at,
      ...(finish === 'Complete' ? { completionTime: at } : {}),
      conditions: finish ? [{ type: finish, status: 'True' }] : [],
    },
  };
}

const listed = (...names: readonly string[]): CronJob['status'] => ({
  active: names.map((name) => ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    namespace: 'default',
    name,
    uid: `${name}-uid`,
  })),
});

function plan(cronJob: CronJob, now: string, jobs: readonly Job[] = [], taken: readonly string[] = []): Plan {
  const names = [...jobs.map(({ metadata }) => metadata.name), ...taken];
  const isNameTaken = (name: string): boolean => names.includes(name);
  return planCronJob(
    { cronJob, jobs, isNameTaken, rng: seededRng(1), lost: [], recorded: new Set() },
    ms(now),
  );
}

const created = ({ writes }: Plan): readonly string[] =>
  writes.flatMap((write) => (write.verb === 'create' ? [write.object.metadata.name] : []));
const deleted = ({ writes }: Plan): readonly string[] =>
  writes.flatMap((write) => (write.verb === 'delete' ? [write.object.metadata.name] : []));
const statusOf = ({ writes }: Plan): unknown =>
  writes.find((write) => write.verb === 'update')?.object['status'];
const told = ({ events = [] }: Plan): readonly string[] =>
  events.map((event) => {
    const { reason, message } = eventInput(CRON_JOB_EVENTS, event);
    return `${reason}: ${message}`;
  });
const nextStart = ({ requeueAfterMs = Number.NaN }: Plan, now: string): string =>
  new Date(ms(now) + requeueAfterMs).toISOString();

describe('a CronJob', () => {
  it('starts a Job at its time, named after it, and lists it in the same commit', () => {
    const started = plan(aCronJob({ timeZone: 'Europe/Berlin' }), '2026-11-30T10:00:00Z');
    const name = `cj-${minute('2026-11-30T10:00:00Z')}`;
    const [create] = started.writes;
    const uid = create?.verb === 'create' ? create.uid : undefined;
    expect(create).toMatchObject({
      verb: 'create',
      object: {
        metadata: {
          name,
          labels: { x: 'y' },
          annotations: {
            a: 'b',
            'batch.kubernetes.io/cronjob-scheduled-timestamp': '2026-11-30T11:00:00+01:00',
          },
          ownerReferences: [{ kind: 'CronJob', name: 'cj', uid: 'cj-uid', controller: true }],
        },
      },
    });
    expect(uid).toBeDefined();
    expect(statusOf(started)).toEqual({
      active: [{ apiVersion: 'batch/v1', kind: 'Job', name, namespace: 'default', uid }],
      lastScheduleTime: '2026-11-30T10:00:00Z',
    });
    expect(told(started)).toEqual([`SuccessfulCreate: Created job ${name}`]);
    expect(nextStart(started, '2026-11-30T10:00:00Z')).toBe('2026-11-30T11:00:00.100Z');
  });

  it('waits for its time', () => {
    const waiting = plan(aCronJob(), '2026-11-30T09:59:59Z');
    expect(waiting.writes).toEqual([]);
    expect(nextStart(waiting, '2026-11-30T09:59:59Z')).toBe('2026-11-30T10:00:00.100Z');
  });

  it('does not start the same time again, whatever the clock says', () => {
    const done = aCronJob({}, { lastScheduleTime: '2026-11-30T10:00:00Z' });
    for (const now of ['2026-11-30T10:00:01Z', '2026-11-30T09:30:00Z', '2020-01-01T00:00:00Z'])
      expect(plan(done, now).writes).toEqual([]);
  });

  it('remembers a Job of its own whose status was lost', () => {
    const name = `cj-${minute('2026-11-30T10:00:00Z')}`;
    const running = plan(aCronJob(), '2026-11-30T10:20:00Z', [aJob(name)]);
    expect(created(running)).toEqual([]);
    expect(statusOf(running)).toMatchObject({
      active: [{ name, uid: `${name}-uid` }],
      lastScheduleTime: '2026-11-30T10:00:00Z',
    });
    const finished = plan(aCronJob(), '2026-11-30T10:20:00Z', [aJob(name, 'Complete')]);
    expect(created(finished)).toEqual([]);
    expect(statusOf(finished)).toEqual({
      lastScheduleTime: '2026-11-30T10:00:00Z',
      lastSuccessfulTime: '2026-11-30T10:05:00Z',
    });
  });

  it('leaves a foreign Job with the name alone', () => {
    const name = `cj-${minute('2026-11-30T10:00:00Z')}`;
    const blocked = plan(aCronJob(), '2026-11-30T10:20:00Z', [], [name]);
    expect(blocked.writes).toEqual([]);
    expect(nextStart(blocked, '2026-11-30T10:20:00Z')).toBe('2026-11-30T11:00:00.100Z');
  });

  it('starts nothing while it is suspended or deleted, and reports on', () => {
    const one = aJob('cj-1', 'Complete');
    const suspended = plan(aCronJob({ suspend: true }, listed('cj-1')), '2026-11-30T12:00:00Z', [one]);
    expect(created(suspended)).toEqual([]);
    expect(suspended.requeueAfterMs).toBeUndefined();
    expect(statusOf(suspended)).toEqual({ lastSuccessfulTime: '2026-11-30T10:05:00Z' });
    const cronJob = aCronJob();
    cronJob.metadata.deletionTimestamp = '2026-11-30T12:00:00Z';
    expect(plan(cronJob, '2026-11-30T12:00:00Z').writes).toEqual([]);
  });
});

describe('missed starts', () => {
  it('makes up for the latest one only, and tells of more than a hundred', () => {
    const late = plan(aCronJob(), '2026-11-30T15:10:00Z');
    expect(created(late)).toEqual([`cj-${minute('2026-11-30T15:00:00Z')}`]);
    expect(told(late)).toHaveLength(1);
    const minutely = plan(aCronJob({ schedule: '* * * * *' }), '2026-11-30T10:41:30Z');
    expect(told(minutely)[0]).toBe(
      'TooManyMissedTimes: too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew',
    );
    expect(created(minutely)).toEqual([`cj-${minute('2026-11-30T10:41:00Z')}`]);
    expect(told(plan(aCronJob({ schedule: '* * * * *' }), '2026-11-30T10:40:30Z'))).toHaveLength(1);
  });

  it('counts only those within the deadline', () => {
    const hurried = aCronJob({ schedule: '* * * * *', startingDeadlineSeconds: 200 });
    expect(told(plan(hurried, '2026-12-30T10:41:30Z'))).toHaveLength(1);
    const hourly = aCronJob({ startingDeadlineSeconds: 60 });
    expect(created(plan(hourly, '2026-11-30T10:00:59Z'))).toHaveLength(1);
    const tooLate = plan(hourly, '2026-11-30T10:01:00Z');
    expect(tooLate.writes).toEqual([]);
    expect(nextStart(tooLate, '2026-11-30T10:01:00Z')).toBe('2026-11-30T11:00:00.100Z');
  });

  it.each([
    ['* 9 * * *', '2026-12-02T22:00:00Z', '2026-12-02T09:59:00Z'],
    ['0 9,10 * * 1-5', '2026-12-06T12:00:00Z', '2026-12-04T10:00:00Z'],
    ['0 0 1 1 *', '2126-06-01T00:00:00Z', '2126-01-01T00:00:00Z'],
    ['@every 7h', '2026-12-01T00:00:00Z', '2026-11-30T23:00:30Z'],
  ])('finds the latest time of %j before %s', (schedule, now, latest) => {
    expect(created(plan(aCronJob({ schedule }), now))).toEqual([`cj-${Math.floor(minute(latest))}`]);
  });

  it('is told once for as long as it is so', () => {
    const view = {
      cronJob: aCronJob({ suspend: true }),
      jobs: [aJob('manual')],
      isNameTaken: () => false,
      rng: seededRng(1),
      lost: [],
      recorded: new Set<string>(),
    };
    const first = planCronJob(view, ms(CREATED));
    expect(told(first)).toHaveLength(1);
    const again = planCronJob({ ...view, recorded: first.standing }, ms(CREATED));
    expect([told(again), again.standing]).toEqual([[], first.standing]);
    const over = planCronJob({ ...view, jobs: [], recorded: first.standing }, ms(CREATED));
    expect(over.standing.size).toBe(0);
  });

  it('keeps the rhythm of @every, with a deadline too', () => {
    const every = { schedule: '@every 1h', startingDeadlineSeconds: 10 };
    const started = plan(aCronJob(every), '2026-11-30T10:00:35Z');
    expect(created(started)).toHaveLength(1);
    expect(nextStart(started, '2026-11-30T10:00:35Z')).toBe('2026-11-30T11:00:30.100Z');
  });
});

describe('the concurrency policy', () => {
  const NOW = '2026-11-30T10:00:00Z';

  it('Allow starts beside what runs', () => {
    const both = plan(aCronJob({}, listed('cj-1')), NOW, [aJob('cj-1')]);
    expect(created(both)).toHaveLength(1);
    expect(statusOf(both)).toMatchObject({ active: [{ name: 'cj-1' }, {}] });
  });

  it('Forbid waits for the end, and then makes up for it', () => {
    const forbid = aCronJob({ concurrencyPolicy: 'Forbid' }, listed('cj-1'));
    const blocked = plan(forbid, NOW, [aJob('cj-1')]);
    expect(blocked.writes).toEqual([]);
    expect(told(blocked)).toEqual([
      'JobAlreadyActive: Not starting job because prior execution is running and concurrency policy is Forbid',
    ]);
    const over = plan(forbid, '2026-11-30T10:20:00Z', [aJob('cj-1', 'Failed')]);
    expect(created(over)).toEqual([`cj-${minute(NOW)}`]);
    expect(told(over)[0]).toBe('SawCompletedJob: Saw completed job: cj-1, condition: Failed');
  });

  it('Replace deletes first, and starts when that is done', () => {
    const replace = aCronJob({ concurrencyPolicy: 'Replace' }, listed('cj-1'));
    const first = plan(replace, NOW, [aJob('cj-1')]);
    expect([created(first), deleted(first)]).toEqual([[], ['cj-1']]);
    expect(statusOf(first)).toEqual({});
    expect(told(first)).toEqual(['SuccessfulDelete: Deleted job cj-1']);
    expect(created(plan(aCronJob({ concurrencyPolicy: 'Replace' }), NOW))).toHaveLength(1);
  });
});

describe('the history', () => {
  it('keeps the newest Jobs of each end', () => {
    const jobs = [
      ...['1', '2', '3', '4', '5'].map((n) => aJob(`good-${n}`, 'Complete', `2026-11-30T09:0${n}:00Z`)),
      ...['3', '1', '2'].map((n) => aJob(`bad-${n}`, 'Failed', `2026-11-30T09:0${n}:00Z`)),
      aJob('running'),
    ];
    const cleaned = plan(aCronJob({ suspend: true }, listed('running')), '2026-11-30T09:10:00Z', jobs);
    expect(deleted(cleaned)).toEqual(['good-1', 'good-2', 'bad-1', 'bad-2']);
    expect(told(cleaned)).toContain('SuccessfulDelete: Deleted job bad-2');
  });

  it('says which Jobs went missing or came from elsewhere', () => {
    const cronJob = aCronJob({ suspend: true }, listed('gone'));
    const seen = plan(cronJob, '2026-11-30T09:10:00Z', [aJob('manual')]);
    expect(told(seen)).toEqual([
      'UnexpectedJob: Saw a job that the controller did not create or forgot: manual',
      'MissingJob: Active job went missing: gone',
    ]);
    expect(statusOf(seen)).toEqual({});
  });
});

describe('a Job that the store lost', () => {
  it('is made again for its pods, before anything else starts', () => {
    const name = `cj-${minute('2026-11-30T08:00:00Z')}`;
    const view = {
      cronJob: aCronJob({ concurrencyPolicy: 'Forbid' }),
      jobs: [],
      isNameTaken: () => false,
      rng: seededRng(1),
      lost: [name],
      recorded: new Set<string>(),
    };
    const recovered = planCronJob(view, ms('2026-11-30T10:00:00Z'));
    expect(created(recovered)).toEqual([name]);
    expect(statusOf(recovered)).toMatchObject({
      active: [{ name }],
      lastScheduleTime: '2026-11-30T08:00:00Z',
    });
    expect(told(recovered)).toEqual([]);
  });
});

describe('what cannot start', () => {
  it.each([
    [
      '0 0 30 2 *',
      'InvalidSchedule: invalid schedule: 0 0 30 2 * : time difference between two schedules is less than 1 second',
    ],
    ['* *', 'UnparseableSchedule: unparseable schedule: "* *" : expected exactly 5 fields, found 2: [* *]'],
  ])('says so of the schedule %j', (schedule, text) => {
    const stuck = plan(aCronJob({ schedule }), '2026-11-30T10:00:00Z');
    expect(stuck.writes).toEqual([]);
    expect(told(stuck)).toEqual([text]);
  });

  it('says so of a time zone that this program does not know', () => {
    const stuck = plan(aCronJob({ timeZone: 'Mars/Base' }), '2026-11-30T10:00:00Z');
    expect(told(stuck)).toEqual([
      'UnknownTimeZone: invalid timeZone: "Mars/Base": unknown time zone Mars/Base',
    ]);
  });

  it('reports on while the API refuses its Job, and does not count the start', () => {
    const view = {
      cronJob: aCronJob({}, listed('cj-1')),
      jobs: [aJob('cj-1', 'Complete')],
      isNameTaken: () => false,
      rng: seededRng(1),
      lost: [],
      recorded: new Set<string>(),
    };
    const refused = planRefusedJob(
      view,
      { message: 'no room', namespaceGoes: false },
      ms('2026-11-30T10:06:00Z'),
    );
    expect(told(refused ?? { writes: [] })).toEqual([
      'SawCompletedJob: Saw completed job: cj-1, condition: Complete',
      'FailedCreate: Error creating job: no room',
    ]);
    expect(statusOf(refused ?? { writes: [] })).toEqual({ lastSuccessfulTime: '2026-11-30T10:05:00Z' });
    expect(planRefusedJob(view, { message: '', namespaceGoes: true }, 0)).toBeUndefined();
  });
});
