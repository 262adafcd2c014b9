/** The usage of one container, as the agents of the nodes report it over their tunnels. */
export interface ContainerUsage {
  readonly podUid: string;
  /** Empty for the sandbox, which no spec names: it counts for the node only. */
  readonly container: string;
  readonly atMs: number;
  readonly windowMs: number;
  /** Billionths of a core. */
  readonly cpuNanoCores: number;
  readonly memoryBytes: number;
}
