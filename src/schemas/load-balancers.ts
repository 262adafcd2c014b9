/** The words by which the control plane and agents agree about load balancers. */

/** On a Service: the node that answers for its addresses. */
export const ANNOUNCED_BY = 'symphony.dev/announced-by';
/** On a Node: the networks in which it can answer, `192.168.1.0/24,10.1.0.0/16`. */
export const ANNOUNCE_NETWORKS = 'symphony.dev/announce-networks';
/** In the status of a Service: whether it has an address, and why not. */
export const LOAD_BALANCER_CONDITION = 'symphony.dev/LoadBalancer';
