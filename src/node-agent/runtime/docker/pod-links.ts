/** How the agent gets containers into the pods' network; src/network has it. */

/** The host's network: it connects a process of a container to the network of the pods. */
export interface PodLinks {
  /** Whether this process may enter the network of a container, and has the programs for it. */
  isAble(): Promise<boolean>;
  /** Makes the interface of the pods' network, with its address, unless it is there. */
  ensureBridge(bridge: string, network: Omit<LinkedNetwork, 'bridge'>): Promise<void>;
  /** Removes it, unless containers are connected to it: answers whether it is gone. */
  removeBridge(bridge: string): Promise<boolean>;
  /** Connects it, or does nothing where it is. False: another container has the address. */
  connect(link: PodLink, network: LinkedNetwork): Promise<boolean>;
  /** The container that has the address; empty while it is being connected, undefined for none. */
  ownerOf(address: string, network: LinkedNetwork): Promise<string | undefined>;
  disconnect(address: string, network: LinkedNetwork): Promise<void>;
}

export interface PodLink {
  readonly containerId: string;
  readonly pid: number;
  readonly address: string;
}

export interface LinkedNetwork {
  readonly bridge: string;
  readonly subnet: string;
  readonly gateway: string;
}
