/**
 * Whether the machine is short of memory or disk, by kubelet's default thresholds (kubernetes.io,
 * "Node-pressure Eviction"). Pure. It sets only the node's conditions, and with them the taints
 * that keep new pods away; nothing is evicted.
 *
 * A pressure stays reported for five minutes after it was last seen, so that it does not flap.
 */
export interface DiskUsage {
  readonly freeBytes: number;
  readonly totalBytes: number;
  readonly freeInodes: number;
  /** 0 if the file system has no fixed number of them. */
  readonly totalInodes: number;
}

export interface MachineUsage {
  readonly memoryAvailableBytes: number | undefined;
  /** The file system of the agent's own directory: volumes and logs. */
  readonly nodeFs: DiskUsage | undefined;
  /** The file system of the engine's images and containers, if it can be seen. */
  readonly imageFs: DiskUsage | undefined;
}

export interface Pressures {
  readonly memory: boolean;
  readonly disk: boolean;
  readonly pid: boolean;
}

/** The time at which each pressure was last seen. */
export type PressureMemory = Readonly<Partial<Record<keyof Pressures, number>>>;

/** evictionHard: memory.available<100Mi, nodefs.available<10%, imagefs<15%, inodesFree<5%. */
const MIN_MEMORY_BYTES = 100 * 1024 * 1024;
const MIN_NODE_FS_SHARE = 0.1;
const MIN_IMAGE_FS_SHARE = 0.15;
const MIN_INODES_SHARE = 0.05;
/** evictionPressureTransitionPeriod. */
const TRANSITION_MS = 300_000;

export function planPressures({ memoryAvailableBytes, nodeFs, imageFs }: MachineUsage): Pressures {
  return {
    memory: memoryAvailableBytes !== undefined && memoryAvailableBytes < MIN_MEMORY_BYTES,
    disk: isFull(nodeFs, MIN_NODE_FS_SHARE) || isFull(imageFs, MIN_IMAGE_FS_SHARE),
    pid: false,
  };
}

function isFull(disk: DiskUsage | undefined, minShare: number): boolean {
  if (!disk || disk.totalBytes <= 0) return false;
  if (disk.freeBytes < disk.totalBytes * minShare) return true;
  return disk.totalInodes > 0 && disk.freeInodes < disk.totalInodes * MIN_INODES_SHARE;
}

export function notePressures(memory: PressureMemory, seen: Pressures, nowMs: number): PressureMemory {
  return {
    ...memory,
    ...(seen.memory ? { memory: nowMs } : {}),
    ...(seen.disk ? { disk: nowMs } : {}),
    ...(seen.pid ? { pid: nowMs } : {}),
  };
}

export function pressuresAt(memory: PressureMemory, nowMs: number): Pressures {
  const isUnder = (lastMs: number | undefined): boolean =>
    lastMs !== undefined && nowMs - lastMs < TRANSITION_MS;
  return { memory: isUnder(memory.memory), disk: isUnder(memory.disk), pid: isUnder(memory.pid) };
}
