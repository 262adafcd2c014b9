/**
 * The plan of a CronJob, upstream's syncCronJob as a pure function: see which Jobs have ended,
 * start the one that is due, delete old ones, report. A Job and the status that names it are one
 * commit, and its name is made of the time: no time starts two, also after a lost answer.
 */
import { jsonEqual } from '../../base/json.ts';
import type { Rng } from '../../base/rng.ts';
import { toRfc3339 } from '../../base/clock.ts';
import { omit } from '../../schemas/json-access.ts';
import { quote } from '../../schemas/errors/status.ts';
import type { CronJob, Job, ObjectReference } from '../../schemas/types.ts';
import { parseSchedule, type Schedule, zoneProblem } from '../../schemas/values/cron-schedule.ts';
import { unchanged, type Write } from '../../resources/writing/write-plan.ts';
import type { Plan, Refusal } from '../controller.ts';
import { finishOf, isFinished } from '../job/job-facts.ts';
import { deletionOf, isDeleting, statusUpdate } from '../ownership.ts';
import { parseTime } from '../pod-facts.ts';
import type { PlannedEvent } from '../planned-event.ts';
import { event } from './cron-job-events.ts';
import { dueTimes } from './due-times.ts';
import { jobFor, jobName, referenceTo, scheduledMsOf, startedBefore } from './jobs.ts';

export interface CronJobView {
  readonly cronJob: CronJob;
  /** The Jobs that it controls. */
  readonly jobs: readonly Job[];
  /** Whether a Job of this name exists, under any owner. */
  isNameTaken(name: string): boolean;
  readonly rng: Rng;
  /** Names of Jobs that the store lost, with pods that came back and nothing that controls them. */
  readonly lost: readonly string[];
  /** Events that were recorded, and whose cause still held at the last reconcile. */
  readonly recorded: ReadonlySet<string>;
  /** The API refused the Job that was due. */
  readonly failure?: string;
}

export interface CronJobPlan extends Plan {
  /** Events whose cause holds now, whether or not they were recorded before. */
  readonly standing: ReadonlySet<string>;
}

/** Jobs deleted in one commit; the rest follows in the next. */
const MAX_DELETIONS = 500;

type CronJobStatus = NonNullable<CronJob['status']>;

/** A part of the plan, and the status as far as it is known. */
interface Step {
  readonly status: CronJobStatus;
  readonly writes?: readonly Write[];
  readonly events?: readonly PlannedEvent[];
  /** Upstream repeats these events. Here each is recorded once, until its cause ends. */
  readonly standing?: readonly PlannedEvent[];
  readonly requeueAfterMs?: number;
}

export function planCronJob(view: CronJobView, nowMs: number): CronJobPlan {
  const { cronJob } = view;
  const seen = seeJobs(view);
  // The next start depends on whether a lost Job runs, so the next plan decides it.
  const started: Step = isDeleting(cronJob)
    ? { status: seen.status }
    : (recoverJobs(view, seen.status) ?? startJob(view, seen.status, nowMs));
  const cleaned = planHistory(view, started.status);
  const { status } = cleaned;
  const steps = [seen, started, cleaned];
  const report = jsonEqual(status, cronJob.status ?? {}) ? [] : [statusUpdate({ ...cronJob, status })];
  const { requeueAfterMs } = started;
  const standing = new Map(
    steps
      .flatMap((step) => step.standing ?? [])
      .map((told) => [JSON.stringify([told.event, told.args]), told]),
  );
  const news = [...standing].flatMap(([text, told]) => (view.recorded.has(text) ? [] : [told]));
  return {
    writes: [...steps.flatMap(({ writes = [] }) => writes), ...report],
    checks: [unchanged(cronJob)],
    events: [...news, ...steps.flatMap(({ events = [] }) => events)],
    standing: new Set(standing.keys()),
    ...(requeueAfterMs === undefined ? {} : { requeueAfterMs }),
  };
}

/**
 * The Job was refused (invalid, forbidden, no quota): an event reports it, and it is tried again.
 */
export function planRefusedJob(
  view: CronJobView,
  { message, namespaceGoes }: Refusal,
  nowMs: number,
): CronJobPlan | undefined {
  return namespaceGoes ? undefined : planCronJob({ ...view, failure: message }, nowMs);
}

function withActive(status: CronJobStatus, active: readonly ObjectReference[]): CronJobStatus {
  const rest = omit(status, 'active');
  return active.length === 0 ? rest : { active: [...active], ...rest };
}

/** Takes ended and missing Jobs from the list of active ones, and keeps the time of success. */
function seeJobs({ cronJob, jobs }: CronJobView): Step {
  const events: PlannedEvent[] = [];
  const standing: PlannedEvent[] = [];
  const { active = [], lastSuccessfulTime } = cronJob.status ?? {};
  const listed = new Map(active.map((reference) => [reference.uid, reference]));
  const known = new Set(jobs.map(({ metadata }) => metadata.uid));
  let succeeded = lastSuccessfulTime;
  for (const job of jobs) {
    const { uid, name } = job.metadata;
    const finish = finishOf(job)?.type;
    if (finish === undefined && !listed.has(uid)) standing.push(event('unexpected', cronJob, name));
    if (finish !== undefined && listed.delete(uid)) events.push(event('completed', cronJob, name, finish));
    const { completionTime } = job.status ?? {};
    if (finish === 'Complete' && (parseTime(completionTime) ?? 0) > (parseTime(succeeded) ?? 0))
      succeeded = completionTime;
  }
  for (const { uid, name = '' } of active) {
    if (known.has(uid)) continue;
    listed.delete(uid);
    events.push(event('missing', cronJob, name));
  }
  const status = withActive(cronJob.status ?? {}, [...listed.values()]);
  return { status: succeeded ? { ...status, lastSuccessfulTime: succeeded } : status, events, standing };
}

/** Makes lost Jobs again. They adopt their pods, and count as the starts that they were. */
function recoverJobs({ cronJob, lost, rng, failure }: CronJobView, status: CronJobStatus): Step | undefined {
  if (lost.length === 0 || failure !== undefined) return undefined;
  const jobs = lost.map((name) => ({ job: jobFor(cronJob, scheduledMsOf(name)), uid: rng.uuid() }));
  const { active = [], lastScheduleTime } = status;
  const latestMs = Math.max(parseTime(lastScheduleTime) ?? 0, ...lost.map(scheduledMsOf));
  const references = jobs.map(({ job, uid }) => referenceTo(job, uid));
  return {
    status: {
      ...withActive(status, [...active, ...references]),
      lastScheduleTime: toRfc3339(latestMs),
    },
    writes: jobs.map(({ job, uid }) => ({ verb: 'create', object: job, uid })),
  };
}

/** Starts the Job that is due, if one is. */
function startJob(view: CronJobView, status: CronJobStatus, nowMs: number): Step {
  const { cronJob } = view;
  const { schedule: text, timeZone, suspend } = cronJob.spec;
  const problem = timeZone === undefined ? undefined : zoneProblem(timeZone);
  if (problem !== undefined)
    return { status, standing: [event('unknownTimeZone', cronJob, quote(timeZone ?? ''), problem)] };
  if (suspend === true) return { status };
  const standing = text.includes('TZ') ? [event('unsupportedZone', cronJob, quote(text))] : [];
  const schedule = parseSchedule(text, timeZone);
  if (typeof schedule === 'string')
    return { status, standing: [...standing, event('unparseable', cronJob, quote(text), schedule)] };
  const step = startDue(view, schedule, status, nowMs);
  return { ...step, standing: [...standing, ...(step.standing ?? [])] };
}

/** Upstream's words for a schedule that never fires. */
const NEVER = 'time difference between two schedules is less than 1 second';

function startDue(view: CronJobView, schedule: Schedule, status: CronJobStatus, nowMs: number): Step {
  const { cronJob } = view;
  const times = dueTimes(cronJob, schedule, nowMs);
  if (!times) return { status, standing: [event('invalidSchedule', cronJob, cronJob.spec.schedule, NEVER)] };
  const { dueMs, nextInMs, missedMany } = times;
  const wait = nextInMs === undefined ? {} : { requeueAfterMs: nextInMs };
  if (dueMs === undefined) return { status, ...wait };
  const standing = missedMany ? [event('tooManyMissed', cronJob)] : [];
  const step = startAt(view, dueMs, status);
  return { ...wait, ...step, standing: [...standing, ...(step.standing ?? [])] };
}

function startAt({ failure, ...view }: CronJobView, dueMs: number, status: CronJobStatus): Step {
  const { cronJob, rng } = view;
  const { active = [] } = status;
  const name = jobName(cronJob, dueMs);
  // It was started before and its status was lost, or another owner has the name.
  if (view.isNameTaken(name)) return { status: recall(view, name, dueMs, status) };
  if (active.length > 0 && cronJob.spec.concurrencyPolicy === 'Forbid')
    // The text does not contain the time, but each start that is held back has its event.
    return { status, standing: [event('alreadyActive', cronJob, name)] };
  if (active.length > 0 && cronJob.spec.concurrencyPolicy === 'Replace') return replaceActive(view, status);
  if (failure !== undefined) return { status, events: [event('createFailed', cronJob, failure)] };
  const job = jobFor(cronJob, dueMs);
  const uid = rng.uuid();
  return {
    status: {
      ...withActive(status, [...active, referenceTo(job, uid)]),
      lastScheduleTime: toRfc3339(dueMs),
    },
    writes: [{ verb: 'create', object: job, uid }],
    events: [event('created', cronJob, name)],
  };
}

/** A Job of ours with the name counts as the start at this time. */
function recall({ jobs }: CronJobView, name: string, dueMs: number, status: CronJobStatus): CronJobStatus {
  const job = jobs.find(({ metadata }) => metadata.name === name);
  if (!job) return status;
  const { uid } = job.metadata;
  const { active = [] } = status;
  const isListed = isFinished(job) || active.some((reference) => reference.uid === uid);
  const next = isListed ? status : withActive(status, [...active, referenceTo(job, uid)]);
  return { ...next, lastScheduleTime: toRfc3339(dueMs) };
}

/** Deletes what runs; the next plan starts the new Job, which may need the room. */
function replaceActive({ cronJob, jobs }: CronJobView, status: CronJobStatus): Step {
  const { active = [] } = status;
  const replaced = jobs.filter(({ metadata }) => active.some(({ uid }) => uid === metadata.uid));
  return { ...deletion(cronJob, replaced), status: withActive(status, []) };
}

function deletion(cronJob: CronJob, jobs: readonly Job[]): Pick<Step, 'writes' | 'events'> {
  return {
    writes: jobs.filter((job) => !isDeleting(job)).map((job) => deletionOf(job, BACKGROUND)),
    events: jobs.map(({ metadata }) => event('deleted', cronJob, metadata.name)),
  };
}

const BACKGROUND = { propagationPolicy: 'Background' } as const;

/** Deletes the oldest Jobs beyond the limits. */
function planHistory({ cronJob, jobs }: CronJobView, status: CronJobStatus): Step {
  const { successfulJobsHistoryLimit, failedJobsHistoryLimit } = cronJob.spec;
  const beyond = (finish: string, limit: number | undefined): readonly Job[] => {
    const finished = jobs.filter((job) => finishOf(job)?.type === finish).sort(startedBefore);
    return limit === undefined ? [] : finished.slice(0, Math.max(0, finished.length - limit));
  };
  const old = [
    ...beyond('Complete', successfulJobsHistoryLimit),
    ...beyond('Failed', failedJobsHistoryLimit),
  ];
  const going = old.filter((job) => !isDeleting(job)).slice(0, MAX_DELETIONS);
  return { status, ...deletion(cronJob, going) };
}
