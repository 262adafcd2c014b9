/** The whole configuration of `symphony`, and the values that its options may have. */
import type { PodSecurityLevel } from '../schemas/pod-security/types.ts';
import type { HostPort } from './values.ts';

export const commitStatusKinds = ['github', 'gitlab', 'gitea', 'bitbucket', 'notes', 'none'] as const;
export const runtimeKinds = ['docker', 'hollow'] as const;
export const networkModes = ['auto', 'routes', 'vxlan', 'none'] as const;
export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export const logFormats = ['auto', 'text', 'json'] as const;
/** The commands that read the configuration. */
export type ConfiguredCommand = 'up' | 'control-plane' | 'agent' | 'down' | 'client';

/** The whole configuration, validated and frozen. Options foreign to a command have defaults. */
export interface Config {
  /** The options that a flag, a variable or the file gave; the others have their defaults. */
  readonly given: readonly string[];
  readonly repo: string | undefined;
  readonly revision: string;
  readonly path: string;
  readonly applicationName: string;
  readonly nodes: number;
  readonly pollIntervalMs: number;
  /** Undefined: kustomize or kubectl on PATH. */
  readonly kustomizeBinary: string | undefined;
  readonly stabilityWindowMs: number;
  readonly eventTtlMs: number;
  readonly nodeGracePeriodMs: number;
  readonly defaultNotReadyTolerationSeconds: number;
  readonly defaultUnreachableTolerationSeconds: number;
  readonly hpaSyncPeriodMs: number;
  readonly hpaDownscaleStabilizationMs: number;
  readonly hpaCpuInitializationPeriodMs: number;
  readonly hpaInitialReadinessDelayMs: number;
  readonly hpaTolerance: number;
  readonly customMetricsUrl: string | undefined;
  readonly externalMetricsUrl: string | undefined;
  readonly dataDir: string;
  /** Undefined: the data directory. */
  readonly identityDir: string | undefined;
  readonly listen: HostPort;
  readonly advertiseAddress: HostPort | undefined;
  readonly tlsSans: readonly string[];
  readonly webhookListen: HostPort | undefined;
  readonly webhookSecretFile: string | undefined;
  readonly commitStatus: (typeof commitStatusKinds)[number];
  readonly forgeUrl: string | undefined;
  readonly forgeRepo: string | undefined;
  readonly forgeTokenFile: string | undefined;
  readonly redisUrl: string | undefined;
  /** Empty: the engine that DOCKER_HOST or the default socket names. */
  readonly dockerHosts: readonly string[];
  readonly runtime: (typeof runtimeKinds)[number];
  readonly hollowRunForMs: number;
  readonly defaultPodSecurity: PodSecurityLevel;
  readonly maxPodSecurity: PodSecurityLevel;
  readonly allowedUnsafeSysctls: readonly string[];
  readonly clusterCidr: string;
  readonly nodeCidrMaskSize: number;
  readonly serviceCidr: string;
  /** Networks and ranges of addresses for load balancers. */
  readonly loadBalancerPool: readonly string[];
  readonly allowedExternalIps: readonly string[];
  readonly network: (typeof networkModes)[number];
  readonly clusterDomain: string;
  readonly ingress: boolean;
  readonly ingressHttpPort: number;
  readonly ingressHttpsPort: number;
  readonly ingressAccessLog: boolean;
  readonly ingressAddresses: readonly string[];
  readonly acmeEmail: string | undefined;
  readonly acmeUrl: string | undefined;
  readonly nodeName: string | undefined;
  readonly nodeIp: string | undefined;
  readonly server: string | undefined;
  readonly tokenFile: string | undefined;
  readonly kubeconfig: string | undefined;
  readonly logLevel: (typeof logLevels)[number];
  readonly logFormat: (typeof logFormats)[number];
  /** Undefined: a file of the data directory. */
  readonly auditLog: string | undefined;
  readonly rateLimit: number;
  readonly maxRequestsInflight: number;
  readonly maxMutatingRequestsInflight: number;
  readonly maxConnectionsPerAddress: number;
}
