import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { jsonEqual } from '../../../src/base/json.ts';
import { isActive as isAlive } from '../../../src/controllers/pod-facts.ts';
import type { Pod } from '../../../src/schemas/types.ts';
import { deletedAtOnce, STORIES, withoutDeliberate } from './deliberate-differences.ts';
import { differences } from './normalise.ts';
import { readStory, runStory } from './run-story.ts';

const stories = readdirSync(new URL('../../fixtures/facts/stories/', import.meta.url)).filter((name) =>
  STORIES.test(name),
);

describe('the recorded behaviour of Kubernetes 1.36', () => {
  it.each(stories)('is repeated in %s', async (name) => {
    const { final, log } = readStory(name);
    const run = await runStory(name);
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
    for (const label of Object.keys(run.final)) {
      if (/^(Deployment|ReplicaSet)\//.test(label) && !(label in final))
        complaints.push(`${label} is left over`);
    }
    const end = log.podCounts.at(-1);
    const alive = Object.entries(run.final).filter(
      ([label, pod]) => label.startsWith('Pod/') && isAlive(pod as Pod),
    ).length;
    if (end && (alive < end.min.alive || alive > end.max.alive)) {
      complaints.push(`${String(alive)} pods are alive at the end, recorded ${String(end.max.alive)}`);
    }
    // Which pod an event is about is as arbitrary as above.
    const anyPod = (text: string): string => text.replaceAll(/<p\d+>/g, '<p>');
    const said = new Set(
      run.events.map(({ involvedObject, type, reason, message, count }) =>
        anyPod(
          `${involvedObject.kind ?? ''}/${involvedObject.name ?? ''} ${type ?? ''} ${reason ?? ''} ${message ?? ''} x${String(count ?? 1)}`,
        ),
      ),
    );
    for (const event of log.events) {
      const text = anyPod(`${event.obj} ${event.type} ${event.reason} ${event.message}`).replaceAll(
        '<ns>-x/web',
        'web',
      );
      const counts = String(event.count).split(',');
      if (!counts.some((count) => said.has(`${text} x${count}`)))
        complaints.push(`event missing: ${text} x${counts.join(' or ')}`);
    }
    for (const counts of log.podCounts) {
      const ours = run.podCounts.get(counts.step);
      if (!ours || counts.maxVaried || counts.minVaried) continue;
      if (ours.maxAlive > counts.max.alive)
        complaints.push(
          `step ${String(counts.step)}: ${String(ours.maxAlive)} pods alive, recorded at most ${String(counts.max.alive)}`,
        );
    }
    for (const [label, recorded] of Object.entries(log.objects)) {
      if (deletedAtOnce.has(name) || !recorded.exact || !/^(Deployment|ReplicaSet)\//.test(label)) continue;
      const states = recorded.seq.flatMap(({ s }) => (s ? [s] : []));
      const lost = firstNotPassed(states, run.sequences.get(label) ?? []);
      if (lost) complaints.push(`${label} never was ${JSON.stringify(lost)}`);
    }
    expect(complaints).toEqual([]);
  });
});

/** The first recorded state that ours did not go through, in order. */
function firstNotPassed(recorded: readonly unknown[], ours: readonly unknown[]): unknown {
  let at = 0;
  return recorded.find((state) => {
    const found = ours.findIndex((own, index) => index >= at && jsonEqual(own, state));
    at = found + 1;
    return found < 0;
  });
}
