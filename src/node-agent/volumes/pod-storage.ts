/**
 * The storage that each pod has mounted, as planned when it was mounted first. It is kept in the
 * pod's directory: an agent that starts again, and a pod whose claim is being deleted or was lost
 * by the control plane, go on with it. It also says which pods use a volume.
 */
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isRecord, jsonEqual, parsedJson } from '../../base/json.ts';
import { makeDirectory } from '../../base/make-directory.ts';
import type { StoragePlan } from './plan-claim-volume.ts';
import { podDirectory } from './plan-volumes.ts';

/** By the name of the pod's volume. */
export type MountedStorage = ReadonlyMap<string, StoragePlan>;

export interface PodStorage {
  of(podUid: string): Promise<MountedStorage>;
  /** The pod is about to mount these: from now on they are in use. */
  begin(podUid: string, plans: readonly StoragePlan[]): void;
  /** They are mounted. */
  save(podUid: string, plans: readonly StoragePlan[]): Promise<void>;
  forget(podUid: string): void;
  /** The pods that use storage for which `isIt` holds, mounted or about to be. */
  users(isIt: (plan: StoragePlan) => boolean): Promise<readonly string[]>;
}

const FILE = 'storage.json';
const NONE: MountedStorage = new Map();

/** Without a directory, everything is kept in memory only. */
export function createPodStorage(podsDir: string | undefined): PodStorage {
  const known = new Map<string, MountedStorage>();
  const beginning = new Map<string, readonly StoragePlan[]>();

  async function of(podUid: string): Promise<MountedStorage> {
    const found = known.get(podUid) ?? (podsDir === undefined ? NONE : await read(podsDir, podUid));
    known.set(podUid, found);
    return found;
  }

  return {
    of,
    begin: (podUid, plans) => void beginning.set(podUid, plans),
    async save(podUid, plans) {
      const before = [...(await of(podUid)).values()];
      // A full disk must not hold up a pod that has its storage.
      const isNews = plans.length > 0 && !jsonEqual(before, plans);
      if (podsDir !== undefined && isNews) await write(podsDir, podUid, plans);
      known.set(podUid, new Map(plans.map((plan) => [plan.name, plan])));
      beginning.delete(podUid);
    },
    forget(podUid) {
      known.delete(podUid);
      beginning.delete(podUid);
    },
    async users(isIt) {
      const onDisk = podsDir === undefined ? [] : await readdir(podsDir).catch((): string[] => []);
      const users: string[] = [];
      for (const podUid of new Set([...onDisk, ...known.keys(), ...beginning.keys()])) {
        const plans = [...(await of(podUid)).values(), ...(beginning.get(podUid) ?? [])];
        if (plans.some(isIt)) users.push(podUid);
      }
      return users;
    },
  };
}

async function read(podsDir: string, podUid: string): Promise<MountedStorage> {
  const text = await readFile(join(podDirectory(podsDir, podUid), FILE), 'utf8').catch(() => '');
  const plans = parsedJson(text);
  return Array.isArray(plans) && plans.every(isPlan) ? new Map(plans.map((plan) => [plan.name, plan])) : NONE;
}

async function write(podsDir: string, podUid: string, plans: readonly StoragePlan[]): Promise<void> {
  const directory = podDirectory(podsDir, podUid);
  await makeDirectory(directory, 0o700);
  const file = join(directory, FILE);
  await writeFile(`${file}.tmp`, JSON.stringify(plans), { mode: 0o600 });
  await rename(`${file}.tmp`, file);
}

const isPlan = (value: unknown): value is StoragePlan =>
  isRecord(value) &&
  ['local', 'host', 'nfs'].includes(String(value['kind'])) &&
  typeof value['path'] === 'string';
