/** Facts that the agent keeps across its own restarts, written down with each change. */
import type { AgentMemory, RecordStore } from '../ports.ts';

export interface KeptMemory {
  load(): Promise<void>;
  readonly current: AgentMemory;
  remember(change: Partial<AgentMemory>): void;
}

export function createAgentMemory(records: Pick<RecordStore, 'loadMemory' | 'saveMemory'>): KeptMemory {
  let current: AgentMemory = {};
  return {
    async load() {
      current = await records.loadMemory();
    },
    get current() {
      return current;
    },
    remember(change) {
      current = { ...current, ...change };
      void records.saveMemory(current);
    },
  };
}
