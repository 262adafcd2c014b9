/** Annotations of workloads whose pods restart when their configuration changes. */

/** `"true"` on a workload asks for it. */
export const RESTART_ON_CHANGE = 'symphony.dev/restart-on-change';
/** On the workload: the hashes that its pods have seen, by `Kind/name`. */
export const CONFIG_HASHES = 'symphony.dev/config-hashes';
/** On the pod template: changes with the configuration, so that the workload rolls out. */
export const CONFIG_HASH = 'symphony.dev/config-hash';
