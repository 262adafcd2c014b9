/**
 * Whether a replayed story went as the recorded one: its answers, its end, its events, its pods,
 * the states on the way.
 */
import { basename } from 'node:path';
import { isRecord, jsonEqual } from '../../../src/base/json.ts';
import { isActive as isAlive } from '../../../src/controllers/pod-facts.ts';
import type { Pod } from '../../../src/schemas/types.ts';
import {
  deletedAtOnce,
  isPartOfCreation,
  repeated,
  saidByScheduler,
  withoutDeliberate,
  withoutShownTemplates,
} from './deliberate-differences.ts';
import { differences } from './normalise.ts';
import { readStory, runStory, type Story, type StoryRun } from './run-story.ts';

/** Complaints; none when the story in this folder is repeated. */
export async function judgeStory(directory: string): Promise<string[]> {
  const name = basename(directory);
  const story = readStory(directory);
  const run = await runStory(story);
  return [
    ...judgeAnswers(story, run),
    ...judgeEnd(name, story, run),
    ...judgeEvents(story, run),
    ...judgePodCounts(story, run),
    ...(deletedAtOnce.has(name) ? [] : judgeSequences(name, story, run)),
  ];
}

function judgeAnswers({ log }: Story, { results }: StoryRun): string[] {
  return log.steps.flatMap(({ i, op, result }) => {
    const got = results[i];
    if (!got || result?.code === undefined) return [];
    const { code, status } = got;
    const ours = status && {
      reason: status.reason,
      message: status.message,
      ...(status.details?.causes ? { causes: status.details.causes } : {}),
    };
    const { code: wanted, ...texts } = result;
    const answers = [
      { code: wanted, ...(wanted >= 400 ? texts : {}) },
      { code, ...ours },
    ] as const;
    const [recorded, replayed] = answers.map(withoutTemplates);
    return differences(recorded, replayed).map((text) => `step ${i} (${op})${text}`);
  });
}

function withoutTemplates(answer: unknown): unknown {
  if (typeof answer === 'string') return withoutShownTemplates(answer);
  if (Array.isArray(answer)) return answer.map(withoutTemplates);
  if (!isRecord(answer)) return answer;
  return Object.fromEntries(Object.entries(answer).map(([key, value]) => [key, withoutTemplates(value)]));
}

function judgeEnd(name: string, { final, log }: Story, run: StoryRun): string[] {
  const complaints: string[] = [];
  for (const [label, recorded] of Object.entries(withoutDeliberate(name, final))) {
    const complaintsOf = (actual: unknown): string[] =>
      actual ? differences(recorded, actual) : [' is missing at the end'];
    if (/^Endpoint(s|Slice)\//.test(label)) {
      complaints.push(...judgeEndpoints(recorded, run.final[label]).map((text) => `${label}${text}`));
      continue;
    }
    const own = complaintsOf(run.final[label]);
    // Which one of several equal pods plays a part is arbitrary: another of the same name will do.
    const family = label.replace(/<p\d+>$/, '');
    const twins = Object.keys(run.final).filter((other) => label !== family && other.startsWith(family));
    const renamed = (twin: string): unknown =>
      JSON.parse(JSON.stringify(run.final[twin]).replaceAll(twin.slice(4), label.slice(4)));
    if (own.length > 0 && twins.some((twin) => complaintsOf(renamed(twin)).length === 0)) continue;
    complaints.push(...own.map((text) => `${label}${text}`));
  }
  for (const label of Object.keys(run.final))
    if (
      /^(Deployment|ReplicaSet|StatefulSet|DaemonSet|ControllerRevision|Endpoints|EndpointSlice)\//.test(
        label,
      ) &&
      !(label in final)
    )
      complaints.push(`${label} is left over`);
  const end = log.podCounts.at(-1);
  const alive = Object.entries(run.final).filter(
    ([label, pod]) => label.startsWith('Pod/') && isAlive(pod as Pod),
  ).length;
  if (end && (alive < end.min.alive || alive > end.max.alive))
    complaints.push(`${String(alive)} pods are alive at the end, recorded ${String(end.max.alive)}`);
  return complaints;
}

/** Equal pods are interchangeable here, too. */
function judgeEndpoints(recorded: unknown, actual: unknown): string[] {
  if (!actual) return [' is missing at the end'];
  const anyPod = (object: unknown): unknown =>
    JSON.parse(JSON.stringify(object).replaceAll(/<p\d+>/g, '<p>'));
  return differences(anyPod(recorded), anyPod(actual));
}

function judgeEvents({ log }: Story, run: StoryRun): string[] {
  // Which pod an event is about is as arbitrary as at the end.
  const anyPod = (text: string): string => text.replaceAll(/<p[\dx]+>|(?<=-)[a-z0-9]{5}(?=")/g, '<p>');
  const said = new Set(
    run.events.map(({ involvedObject, type, reason, message, count }) =>
      anyPod(
        `${involvedObject.kind ?? ''}/${involvedObject.name ?? ''} ${type ?? ''} ${reason ?? ''} ${message ?? ''} x${String(count ?? 1)}`,
      ),
    ),
  );
  return log.events.flatMap((event) => {
    if (saidByScheduler.has(event.reason)) return [];
    const text = anyPod(`${event.obj} ${event.type} ${event.reason} ${event.message}`).replaceAll(
      '<ns>-x/web',
      'web',
    );
    const counts = String(event.count).split(',');
    const isSaid = repeated.has(event.reason)
      ? [...said].some((own) => own.startsWith(`${text} x`))
      : counts.some((count) => said.has(`${text} x${count}`));
    return isSaid ? [] : [`event missing: ${text} x${counts.join(' or ')}`];
  });
}

function judgePodCounts({ log }: Story, run: StoryRun): string[] {
  return log.podCounts.flatMap((counts) => {
    const ours = run.podCounts.get(counts.step);
    if (!ours || counts.maxVaried || counts.minVaried || ours.maxAlive <= counts.max.alive) return [];
    return [
      `step ${String(counts.step)}: ${String(ours.maxAlive)} pods alive, recorded at most ${String(counts.max.alive)}`,
    ];
  });
}

/** The objects whose states on the way are judged. Only pods with stable names can be followed. */
const inSteps = (story: string): RegExp =>
  story.startsWith('sts-')
    ? /^(StatefulSet|ControllerRevision|Pod)\//
    : /^(CronJob|Job|Deployment|ReplicaSet|DaemonSet|ControllerRevision|PersistentVolume|PersistentVolumeClaim|Endpoints|EndpointSlice|HorizontalPodAutoscaler)\//;

function judgeSequences(name: string, { log }: Story, run: StoryRun): string[] {
  return Object.entries(log.objects).flatMap(([label, recorded]) => {
    if (!recorded.exact || !inSteps(name).test(label)) return [];
    const states = recorded.seq.flatMap(({ s }) => (s && !isPartOfCreation(s) ? [s] : []));
    const lost = firstNotPassed(states, run.sequences.get(label) ?? []);
    return lost ? [`${label} never was ${JSON.stringify(lost)}`] : [];
  });
}

/** The first recorded state that ours did not go through, in order. */
function firstNotPassed(recorded: readonly unknown[], ours: readonly unknown[]): unknown {
  let at = 0;
  return recorded.find((state) => {
    const found = ours.findIndex((own, index) => index >= at && jsonEqual(own, state));
    at = found + 1;
    return found < 0;
  });
}
