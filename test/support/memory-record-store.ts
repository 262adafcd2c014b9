/** {@link RecordStore} in memory: for simulations, where an agent's restart keeps the object. */
import type { AgentMemory, PodRecord, RecordStore } from '../../src/node-agent/ports.ts';

export function createMemoryRecordStore(): RecordStore {
  const pods = new Map<string, PodRecord>();
  let memory: AgentMemory = {};
  return {
    loadPods: async () => [...pods.values()],
    async savePod(uid, record) {
      pods.set(uid, record);
    },
    async deletePod(uid) {
      pods.delete(uid);
    },
    loadMemory: async () => memory,
    async saveMemory(next) {
      memory = next;
    },
  };
}
