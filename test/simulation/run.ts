/**
 * One run: a cluster comes up, random things happen to it, each followed by some simulated time and
 * watched by the checkers; then everything broken is mended, a last commit is made, and the cluster
 * must come to what it says (invariant 15) and to rest (16). The seed decides everything: the same
 * seed is the same run, to the last change.
 */
import { type Rng, seededRng } from '../../src/base/rng.ts';
import { type PlantedBug, type SimWorld, createSimWorld } from '../support/sim-world.ts';
import { type Action, actions } from './actions.ts';
import { checkConvergence, checkQuiescence } from './ending.ts';
import { checkers } from './invariants/index.ts';
import type { CommitRecord } from './invariants/types.ts';
import { pick } from './draws.ts';
import { EMPTY_TREE, type TreeDraft, filesOf, firstTree, isPullable, programOf } from './manifests.ts';
import { workloadActions } from './workload-actions.ts';
import { RECENT_MS } from '../support/sim-ledger.ts';

export interface Violation {
  readonly invariant: number;
  readonly problem: string;
  readonly atMs: number;
}

export interface RunResult {
  readonly seed: number;
  readonly violations: readonly Violation[];
  /** The actions and the findings, oldest first. */
  readonly trace: readonly string[];
  /** The log of every change in the store and at the engines. */
  readonly hash: string;
  readonly simulatedMs: number;
}

export type Scene = 'deployments' | 'workloads';

/**
 * - `whole`: Git is empty at first; many steps; then convergence and quiescence.
 * - `short`: Git holds workloads at once, so that each of the few steps meets some; no ending.
 */
export type Length = 'whole' | 'short';

export interface RunOptions {
  readonly seed: number;
  /** Which workloads Git holds: Deployments, or all the others. Default: `deployments`. */
  readonly scene?: Scene;
  /** Default: `whole`. */
  readonly length?: Length;
  readonly steps?: number;
  readonly bug?: PlantedBug;
  /** Which actions may happen; all by default. */
  readonly only?: (action: Action) => boolean;
  /** Default: only when the run is short. */
  readonly skipEnding?: boolean;
  /** Whether nothing fails; the seed decides by default. */
  readonly calm?: boolean;
  /** Is told every line of the trace at once: for a run that does not end. */
  readonly live?: (line: string) => void;
}

/** The tools of an action. */
export interface Simulation {
  readonly seed: number;
  readonly world: SimWorld;
  readonly rng: Rng;
  /** The newest commit's. */
  tree: TreeDraft;
  readonly commits: Map<string, CommitRecord>;
  readonly head: string;
  /** Uids of pods that a person gave up: forced away, or left on a deleted node. */
  readonly forced: Set<string>;
  commit(tree: TreeDraft, options?: { readonly broken?: string; readonly orphan?: boolean }): string;
  moveBranch(commit: string): void;
  /** A person is about to change this object by hand. */
  touch(resource: string, key: string): void;
  /** Does it while time passes; failures are part of life. */
  background(what: string, work: Promise<unknown>): void;
}

const STEPS: Readonly<Record<Length, Readonly<Record<Scene, number>>>> = {
  whole: { deployments: 14, workloads: 10 },
  short: { deployments: 3, workloads: 3 },
};
/** Runs in which nothing fails: only there availability is promised. */
const CALM_SHARE = 0.25;
const NODES = [
  { name: 'n1', cpus: 4, labels: { disk: 'ssd' } },
  { name: 'n2', cpus: 2, labels: {} },
  { name: 'n3', cpus: 1, labels: {} },
] as const;
const PAUSES_MS = [5, 40, 200, 1_000, 3_000, 10_000, 30_000, 90_000] as const;
const BROKEN_FILE = 'apps/broken.yaml';
/** A broken world fills the report quickly. */
const MAX_VIOLATIONS = 20;

export async function runSimulation(options: RunOptions): Promise<RunResult> {
  const { seed, scene = 'deployments', length = 'whole', steps = STEPS[length][scene] } = options;
  const rng = seededRng(seed);
  const violations: Violation[] = [];
  const trace: string[] = [];
  const startMs = Date.UTC(2026, 0, 1);
  const note = (text: string): void => {
    const line = `${((world.clock.now() - startMs) / 1000).toFixed(3).padStart(9)}s ${text}`;
    trace.push(line);
    options.live?.(line);
  };
  const report = (invariant: number, problem: string): void => {
    if (violations.length >= MAX_VIOLATIONS) return;
    violations.push({ invariant, problem, atMs: world.clock.now() });
    note(`VIOLATION of ${invariant}: ${problem}`);
  };
  const checks: (() => void)[] = [];
  let seenActivity = -1;
  const world: SimWorld = createSimWorld({
    seed,
    nodes: NODES,
    programOf,
    pullable: isPullable,
    report,
    bug: options.bug,
    onSettled() {
      if (world.activity === seenActivity) return;
      seenActivity = world.activity;
      for (const check of checks) check();
    },
  });

  const commits = new Map<string, CommitRecord>();
  const touchedAt = new Map<string, number>();
  const forced = new Set<string>();
  let head = '';
  let forcedAtMs = Number.NEGATIVE_INFINITY;
  let written = new Set<string>();
  const simulation: Simulation = {
    seed,
    world,
    rng,
    tree: EMPTY_TREE,
    commits,
    forced,
    get head() {
      return head;
    },
    commit(tree, { broken, orphan = false } = {}) {
      const files: Record<string, string | null> = filesOf(tree);
      if (broken !== undefined) files[BROKEN_FILE] = broken;
      const present = new Set(Object.keys(files));
      if (!orphan) for (const path of written) if (!present.has(path)) files[path] = null;
      const parents = orphan || head === '' ? [] : [head];
      head = world.repository.commit(files, { orphan, subject: `Change ${commits.size}` });
      written = present;
      commits.set(head, { tree, readable: broken === undefined, parents });
      simulation.tree = tree;
      if (orphan) forcedAtMs = world.clock.now();
      return head;
    },
    moveBranch(commit) {
      world.repository.setBranch('main', commit);
      head = commit;
      forcedAtMs = world.clock.now();
      const record = commits.get(commit);
      if (!record) throw new Error(`Cannot move the branch: commit ${commit} is unknown`);
      simulation.tree = record.tree;
      written = new Set([...Object.keys(filesOf(record.tree)), ...(record.readable ? [] : [BROKEN_FILE])]);
    },
    touch: (resource, key) => void touchedAt.set(`${resource} ${key}`, world.clock.now()),
    background(what, work) {
      work.then(
        () => undefined,
        (error: unknown) => note(`  ${what}: ${error instanceof Error ? error.message : String(error)}`),
      );
    },
  };
  const drawn = rng.next() >= CALM_SHARE;
  const faulty = options.calm === undefined ? drawn : !options.calm;
  for (const checker of checkers) {
    const check = checker.attach({
      world,
      report,
      commits,
      touched: (resource, key) =>
        world.clock.now() - (touchedAt.get(`${resource} ${key}`) ?? Number.NEGATIVE_INFINITY) <= RECENT_MS,
      get forcedAtMs() {
        return forcedAtMs;
      },
      faulty,
      forced,
    });
    if (check) checks.push(check);
  }

  const inScene = [...actions, ...workloadActions].filter((action) => (action.scene ?? scene) === scene);
  const possible = inScene.filter((action) => (faulty || !action.fault) && (options.only?.(action) ?? true));
  const total = possible.reduce((sum, { weight }) => sum + weight, 0);
  const first = length === 'short' ? firstTree(rng, scene) : EMPTY_TREE;
  simulation.commit({ ...first, configMaps: { settings: 'start' } });
  world.controlPlane.start();
  const started = Promise.all(world.nodes.map((node) => node.start()));
  await world.clock.advance(3_000);
  await started;

  for (let step = 0; step < steps && violations.length === 0; step += 1) {
    let left = rng.next() * total;
    const action = possible.find(({ weight }) => (left -= weight) < 0) ?? possible[0];
    if (!action) break;
    note(`${action.name} ${(await action.run(simulation)) ?? ''}`);
    const pauseMs = Math.ceil(pick(rng, PAUSES_MS) * (0.5 + rng.next()));
    await world.clock.advance(pauseMs);
  }
  if (violations.length === 0 && !(options.skipEnding ?? length === 'short')) {
    await checkConvergence(simulation, report, note);
    if (violations.length === 0) await checkQuiescence(simulation, report, note);
  }
  const simulatedMs = world.clock.now() - startMs;
  const hash = world.hash();
  await world[Symbol.asyncDispose]();
  return { seed, violations, trace, hash, simulatedMs };
}
