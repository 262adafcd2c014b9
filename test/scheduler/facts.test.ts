import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { leftOut, replayScenario, type Scenario } from './replay-decisions.ts';

const load = (name: string): Scenario[] =>
  readFileSync(new URL(`../fixtures/facts/scheduler/${name}.jsonl`, import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Scenario)
    .filter((scenario) => leftOut(scenario) === undefined);

describe('recorded decisions of the real scheduler', () => {
  it.each(load('feasibility'))(
    'has the same feasible nodes, reasons, scores and messages in $name ($theme)',
    (scenario) => expect(replayScenario(scenario)).toEqual([]),
  );

  it.each(load('messages'))('says the same in $name', (scenario) =>
    expect(replayScenario(scenario)).toEqual([]),
  );
});
