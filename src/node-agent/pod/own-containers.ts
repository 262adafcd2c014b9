/**
 * Decides which containers are this pod's. Labels are no proof: an image made of a container
 * carries them, and so does every container of that image. A container is the pod's if its id was
 * recorded with the engine's answer, or if it carries the mark that was recorded before the request
 * (an answer was lost, or the agent ended in between).
 *
 * Any other is left alone, and reported once. An agent without a record of the pod takes over the
 * containers of its first list, by labels and the name that follows from them: the engine has each
 * name once.
 */
import { hasOwnName } from '../container-spec/identity.ts';
import type { MadeContainers } from '../ports.ts';
import { type ContainerRecord, labelKeys } from '../runtime/types.ts';

export interface OwnContainersOptions {
  /** The recorded containers; undefined if nothing was ever recorded. */
  readonly made: MadeContainers | undefined;
  newMark(): string;
  /** Resolves when it is written down; `durable`: so that a loss of power does not undo it. */
  save(durable: boolean): Promise<void>;
  /** A container that pretends to be the pod's. */
  onForeign(record: ContainerRecord): void;
}

export interface OwnContainers {
  readonly made: MadeContainers;
  owns(record: ContainerRecord): boolean;
  /** The engine has been listed; `present` are the pod's containers that it found. */
  settle(present: readonly ContainerRecord[]): void;
  /** The mark for the label of a container to ask for; none if an older agent made `existing`. */
  ask(name: string, existing: ContainerRecord | undefined): Promise<string | undefined>;
  add(name: string, id: string): void;
  forget(id: string): void;
}

export function createOwnContainers(options: OwnContainersOptions): OwnContainers {
  const ids = new Set(options.made?.ids);
  const asked = new Map(Object.entries(options.made?.asked ?? {}));
  const reported = new Set<string>();
  let trusting = options.made === undefined;
  let settled = false;

  function add(name: string, id: string): void {
    ids.add(id);
    asked.delete(name);
    void options.save(false);
  }

  return {
    get made() {
      return { ids: [...ids], asked: Object.fromEntries(asked) };
    },
    owns(record) {
      if (ids.has(record.id)) return true;
      const mark = record.labels[labelKeys.mark];
      if ((mark !== undefined && asked.get(record.name) === mark) || (trusting && hasOwnName(record))) {
        add(record.name, record.id);
        return true;
      }
      if (!reported.has(record.id)) {
        reported.add(record.id);
        options.onForeign(record);
      }
      return false;
    },
    settle(present) {
      if (settled) return;
      settled = true;
      trusting = false;
      const found = new Set(present.map(({ id }) => id));
      for (const id of ids) if (!found.has(id)) ids.delete(id);
    },
    async ask(name, existing) {
      if (existing) return existing.labels[labelKeys.mark];
      const mark = asked.get(name) ?? options.newMark();
      asked.set(name, mark);
      // The engine writes down at once what it is asked for. A mark that is lost would make its
      // container a stranger.
      await options.save(true);
      return mark;
    },
    add,
    forget(id) {
      ids.delete(id);
      reported.delete(id);
    },
  };
}
