/** The sections of the recorded facts: where their cases lie, and how they are replayed. */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { STORIES } from '../controllers/stories/deliberate-differences.ts';
import { judgeStory } from '../controllers/stories/judge-story.ts';
import { leftOut, replayScenario, type Scenario } from '../scheduler/replay-decisions.ts';
import { replayAuthz } from './authz.ts';
import { deliberateReason } from './differences.ts';
import { replayDiscovery } from './discovery.ts';
import { replayOpenApi } from './openapi.ts';
import {
  type CaseResult,
  type Cluster,
  leftOutCase,
  NOT_SERVED,
  replayFile,
  startCluster,
  within,
} from './replay.ts';
import { replayValidation } from './validation.ts';

type Replay = (directory: string) => Promise<readonly CaseResult[]>;

/** All cases of a section on one cluster. */
const onOneCluster =
  (replay: (directory: string, cluster: Cluster) => Promise<readonly CaseResult[]>): Replay =>
  async (directory) => {
    await using cluster = await startCluster();
    return await replay(directory, cluster);
  };

async function judge(
  section: string,
  name: string,
  replay: () => Promise<readonly string[] | undefined>,
): Promise<CaseResult> {
  const deliberate = deliberateReason(section, name);
  if (deliberate !== undefined) return leftOutCase(name, deliberate);
  try {
    const failures = await within(replay());
    return failures ? { name, failures } : leftOutCase(name, NOT_SERVED);
  } catch (error) {
    return { name, failures: [`failed: ${String(error)}`] };
  }
}

/** One case a file (or, for defaulting, a folder). */
const caseFiles =
  (section: string): Replay =>
  async (directory) => {
    const results: CaseResult[] = [];
    const entries = (await readdir(directory)).filter((name) => !name.startsWith('_')).sort();
    for (const entry of entries)
      results.push(
        await judge(section, entry.replace(/\.json$/, ''), () => replayFile(section, directory, entry)),
      );
    return results;
  };

async function stories(directory: string): Promise<readonly CaseResult[]> {
  const results: CaseResult[] = [];
  const names = (await readdir(directory)).filter((name) => existsSync(join(directory, name, 'story.yaml')));
  for (const name of names.sort())
    results.push(
      STORIES.test(name)
        ? await judge('stories', name, () => judgeStory(join(directory, name)))
        : leftOutCase(name, 'of a controller that is not there'),
    );
  return results;
}

/** Folders of one scenario a file, or files of one scenario a line. */
async function scheduler(directory: string): Promise<readonly CaseResult[]> {
  const scenarios: Scenario[] = [];
  for (const part of ['feasibility', 'messages']) {
    const lines = join(directory, `${part}.jsonl`);
    const folder = join(directory, part);
    if (existsSync(lines))
      for (const line of (await readFile(lines, 'utf8')).trim().split('\n'))
        scenarios.push(JSON.parse(line) as Scenario);
    if (!existsSync(folder)) continue;
    for (const entry of (await readdir(folder)).filter((name) => name.endsWith('.json')).sort()) {
      const scenario = JSON.parse(await readFile(join(folder, entry), 'utf8')) as Scenario;
      scenarios.push({ ...scenario, name: entry.replace(/\.json$/, '') });
    }
  }
  const results = scenarios.map((scenario) => {
    const reason = leftOut(scenario);
    return reason === undefined
      ? { name: scenario.name, failures: replayScenario(scenario) }
      : leftOutCase(scenario.name, reason);
  });
  for (const part of ['preemption', 'sequences'])
    if (existsSync(join(directory, part)))
      for (const entry of await readdir(join(directory, part)))
        results.push(leftOutCase(`${part}/${entry}`, LATER[part] ?? ''));
  return results;
}

const LATER: Readonly<Record<string, string>> = {
  preemption: 'preemption is not there',
  sequences: 'a comparison of balance, not of decisions',
};

export const sections = {
  discovery: onOneCluster(replayDiscovery),
  openapi: onOneCluster(replayOpenApi),
  defaulting: caseFiles('defaulting'),
  errors: caseFiles('errors'),
  patches: caseFiles('patches'),
  'lists-watch': caseFiles('lists-watch'),
  tables: caseFiles('tables'),
  authz: onOneCluster(replayAuthz),
  validation: replayValidation,
  stories,
  scheduler,
} as const satisfies Readonly<Record<string, Replay>>;
export type Section = keyof typeof sections;

export const sectionNames = Object.keys(sections) as readonly Section[];

/**
 * Where a section's cases lie below the given folder, which may be that place itself; undefined
 * when nowhere.
 */
export function placeOf(section: Section, directory: string): string | undefined {
  const candidates = [join(directory, 'api', section), join(directory, section)];
  const found = candidates.find((candidate) => existsSync(candidate));
  return found ?? (basename(directory) === section ? directory : undefined);
}

export async function replaySection(section: Section, directory: string): Promise<readonly CaseResult[]> {
  return sections[section](directory);
}
