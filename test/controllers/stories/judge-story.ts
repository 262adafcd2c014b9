/**
 * Whether a replayed story went as the recorded one: its answers, its end, its events, its pods,
 * the states on the way.
 */
import { basename } from 'node:path';
import { jsonEqual } from '../../../src/base/json.ts';
import { isActive as isAlive } from '../../../src/controllers/pod-facts.ts';
import type { Pod } from '../../../src/schemas/types.ts';
import { deletedAtOnce, repeated, withoutDeliberate } from './deliberate-differences.ts';
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
    ...(deletedAtOnce.has(name) ? [] : judgeSequences(story, run)),
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
    return differences({ code: wanted, ...(wanted >= 400 ? texts : {}) }, { code, ...ours }).map(
      (text) => `step ${i} (${op})${text}`,
    );
  });
}

function judgeEnd(name: string, { final, log }: Story, run: StoryRun): string[] {
  const complaints: string[] = [];
  for (const [label, recorded] of Object.entries(withoutDeliberate(name, final))) {
    const complaintsOf = (actual: unknown): string[] =>
      actual ? differences(recorded, actual) : [' is missing at the end'];
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
    if (/^(Deployment|ReplicaSet)\//.test(label) && !(label in final))
      complaints.push(`${label} is left over`);
  const end = log.podCounts.at(-1);
  const alive = Object.entries(run.final).filter(
    ([label, pod]) => label.startsWith('Pod/') && isAlive(pod as Pod),
  ).length;
  if (end && (alive < end.min.alive || alive > end.max.alive))
    complaints.push(`${String(alive)} pods are alive at the end, recorded ${String(end.max.alive)}`);
  return complaints;
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
    const text = anyPod(`${event.obj} ${event.type} ${event.reason} ${event.message}`).replaceAll(
      '<ns>-x/web',
      'web',
    );
    const counts = repeated.has(event.reason) ? ['1'] : String(event.count).split(',');
    return counts.some((count) => said.has(`${text} x${count}`))
      ? []
      : [`event missing: ${text} x${counts.join(' or ')}`];
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

function judgeSequences({ log }: Story, run: StoryRun): string[] {
  return Object.entries(log.objects).flatMap(([label, recorded]) => {
    if (!recorded.exact || !/^(Deployment|ReplicaSet|HorizontalPodAutoscaler)\//.test(label)) return [];
    const states = recorded.seq.flatMap(({ s }) => (s ? [s] : []));
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
