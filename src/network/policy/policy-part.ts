/**
 * The NetworkPolicies of the cluster in the kernel of this host. An address that joins or leaves a
 * group is one element; a change of a pod or a policy plans the pods of this host again. Nothing is
 * written before all policies are known, or the last known ones are taken for want of an API: until
 * then the kernel works with what an earlier process has left.
 */
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { createAbort } from '../../base/abort.ts';
import { sleep } from '../../base/clock.ts';
import { errorMessage } from '../../base/errors.ts';
import { type AddressGroup, groupOfSlice } from '../../schemas/address-groups.ts';
import { keyOf } from '../../schemas/object.ts';
import type { NetworkPolicy } from '../../schemas/types.ts';
import type { HostNetworkContext, HostNetworkPart } from '../host-network.ts';
import { createTableState, type TablePart } from '../nft/table-state.ts';
import { createTableWriter } from '../nft/table-writer.ts';
import { createGroupIndex } from './group-index.ts';
import { planGroup, planPolicies, type PolicyPlan, type PolicyPod } from './plan-policies.ts';
import { createPolicyMemory, type KnownPolicies } from './policy-memory.ts';
import { policyPodOf } from './policy-pod.ts';
import { createPolicyReports } from './policy-reports.ts';
import { policyTable } from './policy-table.ts';

/** An API that does not answer for so long is away: the last known policies count. */
const FEED_PATIENCE_MS = 5_000;
/** The start of a pod waits at most so long for its policies; then it is tried again. */
const PREPARE_MS = 15_000;
/** A pod that no agent has told by then is gone. */
const UNTOLD_MS = 300_000;
/** The memory is saved at most this often. */
const SAVE_EVERY_MS = 1_000;

export function createPolicyPart(context: HostNetworkContext): HostNetworkPart {
  const { nft, clock, logger, settings, pods } = context;
  const policies = context.feeds.of('networkPolicies');
  const groups = context.feeds.of('addressGroups');
  const slices = createGroupIndex(groups.items);
  const frame = policyTable({ cluster: settings.cluster, podCidr: settings.clusterCidr });
  const state = createTableState(frame);
  const writer = createTableWriter({ nft, state, clock, logger });
  const memory = createPolicyMemory(join(settings.directory, 'policies.json'), logger);
  const reports = createPolicyReports(context);
  const stop = createAbort();
  /** Parts that were set, by name. */
  const wanted = new Map<string, TablePart>();
  /** Policies that the kernel does not take, as they were then. */
  const refused = new Map<string, NetworkPolicy>();
  const untold = new Map<string, PolicyPod>();
  const dirtyGroups = new Set<string>();
  let source: 'nothing' | 'memory' | 'feeds' = 'nothing';
  let remembered: KnownPolicies | undefined;
  let isLoaded = false;
  let plan: PolicyPlan = { parts: new Map(), groups: new Map() };
  let isStale = true;
  let running: Promise<void> | undefined;
  let saving: Promise<void> | undefined;
  let isUnsaved = false;
  let beginning: Promise<void> | undefined;
  let onKnown = (): void => undefined;
  const known = new Promise<void>((resolve) => (onKnown = resolve));

  const isSynced = (): boolean => policies.isSynced && groups.isSynced;

  policies.onChange(replan);
  groups.onChange((key) => {
    if (key !== undefined) dirtyGroups.add(slices.update(key));
    wake();
  });
  pods.onChange((address) => {
    untold.delete(address);
    replan();
  });
  pods.beforeUse(prepare);

  function replan(): void {
    isStale = true;
    wake();
  }

  function wake(): void {
    if (isLoaded && source !== 'feeds' && isSynced()) {
      source = 'feeds';
      isStale = true;
      onKnown();
    }
    const hasWork = isStale || dirtyGroups.size > 0;
    if (source === 'nothing' || !hasWork || stop.signal.aborted) return;
    running ??= work().finally(() => {
      running = undefined;
      wake();
    });
  }

  /** Never rejects. What changes meanwhile waits for the next turn. */
  async function work(): Promise<void> {
    // Changes that come in one turn are planned together.
    await Promise.resolve();
    const changed = isStale ? undefined : [...dirtyGroups];
    isStale = false;
    dirtyGroups.clear();
    try {
      if (changed) for (const group of changed) setGroup(group);
      else setAll();
    } catch (error) {
      logger.error({ error: errorMessage(error) }, 'Cannot plan the network policies');
    }
    writer.start();
    await writer.settled();
    noteRefused();
    if (source === 'feeds') save();
  }

  function setAll(): void {
    const known = source === 'feeds' ? [...policies.items.values()] : (remembered?.policies ?? []);
    for (const policy of refused.values()) if (!known.includes(policy)) refused.delete(keyOf(policy));
    plan = planPolicies(ownPods(), known, new Set(refused.keys()));
    const names = new Set([...plan.parts.keys(), ...[...plan.groups.keys()].map(groupPart)]);
    for (const name of wanted.keys()) if (!names.has(name)) put(name, undefined);
    for (const group of plan.groups.keys()) setGroup(group);
    for (const [name, part] of plan.parts) put(name, part);
  }

  function setGroup(group: string): void {
    const needs = plan.groups.get(group);
    if (needs) put(groupPart(group), planGroup(needs, group, groupsOf(group)));
  }

  const groupsOf = (group: string): readonly AddressGroup[] =>
    source === 'feeds'
      ? slices.of(group)
      : (remembered?.groups ?? []).filter(({ metadata }) => groupOfSlice(metadata.name) === group);

  const ownPods = (): readonly PolicyPod[] => [
    ...untold.values(),
    ...[...pods.items].map(([address, pod]) => policyPodOf(pod, address)),
  ];

  function put(name: string, part: TablePart | undefined): void {
    if (isDeepStrictEqual(wanted.get(name), part)) return;
    if (part) wanted.set(name, part);
    else wanted.delete(name);
    writer.set(name, part);
  }

  /** A policy that the kernel refuses isolates its pods and allows nothing: others may allow more. */
  function noteRefused(): void {
    for (const [name, why] of writer.refused) {
      // It is set again with the next plan.
      wanted.delete(name);
      const policy = policies.items.get(name.replace(/^policy\//, ''));
      if (!policy || refused.get(keyOf(policy)) === policy) continue;
      refused.set(keyOf(policy), policy);
      reports.refused(policy, why);
      isStale = true;
      logger.error(
        { policy: keyOf(policy), error: why },
        'The kernel refuses this network policy; it allows nothing',
      );
    }
  }

  async function prepare(address: string): Promise<void> {
    const patience = createAbort();
    const late = sleep(clock, PREPARE_MS, patience.signal).then(() => 'nft does not answer');
    const problem = await Promise.race([isSet(address), late]);
    patience.abort();
    if (source === 'nothing')
      return logger.warn({ address }, 'A pod starts before the network policies of the cluster are known');
    if (problem === undefined) return;
    throw new Error(`the network policies of the pod are not in the kernel: ${problem}`);
  }

  /** Answers what the kernel has against it. */
  async function isSet(address: string): Promise<string | undefined> {
    await beginning;
    // A running round may have been planned before the pod was told; the next one was not.
    for (let turn = 0; turn < 2 && running; turn += 1) await running;
    return writer.refused.get(`pod/${address}`);
  }

  async function begin(): Promise<void> {
    remembered = await memory.load();
    for (const pod of remembered?.pods ?? []) if (!pods.items.has(pod.address)) untold.set(pod.address, pod);
    isLoaded = true;
    wake();
    await Promise.race([known, sleep(clock, FEED_PATIENCE_MS, stop.signal)]);
    if (source !== 'nothing' || !remembered || stop.signal.aborted) return;
    logger.warn({}, 'The API does not answer: the last known network policies count');
    source = 'memory';
    wake();
  }

  async function endUntold(): Promise<void> {
    await sleep(clock, UNTOLD_MS, stop.signal);
    if (untold.size === 0) return;
    untold.clear();
    replan();
  }

  function save(): void {
    isUnsaved = true;
    saving ??= keep().finally(() => {
      saving = undefined;
      if (isUnsaved && !stop.signal.aborted) save();
    });
  }

  async function keep(): Promise<void> {
    await sleep(clock, SAVE_EVERY_MS, stop.signal);
    isUnsaved = false;
    const used = [...policies.items].filter(([key]) => plan.parts.has(`policy/${key}`));
    await memory.save({
      pods: ownPods(),
      policies: used.map(([, policy]) => policy),
      groups: [...plan.groups.keys()].flatMap(slices.of),
    });
  }

  return {
    start() {
      beginning ??= begin();
      void endUntold();
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.all([beginning, writer[Symbol.asyncDispose]()]);
      await Promise.all([running, saving]);
      await reports[Symbol.asyncDispose]();
    },
  };
}

const groupPart = (group: string): string => `group/${group}`;
