/** The other API servers of the cluster, from the view of one of them. */
import type { Identity } from '../tls/authority.ts';

export interface Peer {
  readonly id: string;
  readonly host: string;
  readonly port: number;
}

export interface PeerOptions {
  /** The live servers without this one. */
  peers(): readonly Peer[];
  /** This server's certificate of the cluster's authority, for `system:apiserver`. */
  credentials(): Promise<Identity>;
  readonly caPem: string;
}

export const PEER_PROTOCOL = 'symphony-peer';
/** The user name of other servers. */
export const PEER_USER = 'system:apiserver';
export const PEER_PATH = '/apis/symphony.dev/v1/peers/tunnels';
export const NODE_HEADER = 'x-symphony-node';
/** The answer of a server that has no tunnel to the node either. */
export const NOT_HERE = 421;
/** The path, without a node, at which a server says when it last heard its agents. */
export const HEARTBEATS_PATH = '/heartbeats';
