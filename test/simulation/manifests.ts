/**
 * The manifests of the simulated developers: a few Deployments and ConfigMaps, as data and as YAML.
 */
import type { Rng } from '../../src/base/rng.ts';
import type { ContainerSpec } from '../../src/node-agent/runtime/types.ts';
import type { FakeProgram } from '../../src/node-agent/runtime/fake/fake-container.ts';
import { chance, pick, upTo } from './draws.ts';
import type { Scene } from './run.ts';
import { type WorkloadDraft, someWorkloads, workloadYaml } from './workloads.ts';

export type Rollout =
  | { readonly type: 'Recreate' }
  | {
      readonly type: 'RollingUpdate';
      readonly maxSurge: number | string;
      readonly maxUnavailable: number | string;
    };

export interface DeploymentDraft {
  readonly replicas: number;
  readonly image: string;
  readonly rollout: Rollout;
  readonly cpu: string;
  readonly minReadySeconds: number;
  readonly graceSeconds: number;
  readonly hostPort: number | undefined;
  readonly ssd: boolean;
  readonly sidecar: boolean;
  readonly config: string | undefined;
}

/** By name. A ConfigMap is its one value. */
export interface TreeDraft {
  readonly deployments: Readonly<Record<string, DeploymentDraft>>;
  readonly configMaps: Readonly<Record<string, string>>;
  readonly workloads: Readonly<Record<string, WorkloadDraft>>;
}

export const EMPTY_TREE: TreeDraft = { deployments: {}, configMaps: {}, workloads: {} };

export const NAMES = ['api', 'web', 'queue', 'cache'] as const;
export const MAX_REPLICAS = 4;
export const HUGE_CPU = '64';

const GOOD_IMAGES = ['app:v1', 'app:v2', 'app:v3', 'slow:v1', 'stubborn:v1'] as const;
/** Never come up: no such image, ends at once, ends after a while. */
const BAD_IMAGES = ['missing:v1', 'crash:v1', 'leak:v1'] as const;

export function isGoodImage(image: string): boolean {
  return (GOOD_IMAGES as readonly string[]).includes(image);
}
export function isPullable(reference: string): boolean {
  return !reference.includes('missing');
}

export function programOf({ image }: ContainerSpec): FakeProgram {
  if (image.includes('crash')) return { exitAfterMs: 300, exitCode: 3, output: ['cannot open the database'] };
  if (image.includes('leak')) return { exitAfterMs: 45_000, exitCode: 137 };
  if (image.includes('failtask')) return { exitAfterMs: 2_000, exitCode: 1 };
  if (image.includes('longtask')) return { exitAfterMs: 70_000, exitCode: 0 };
  if (image.includes('task')) return { exitAfterMs: 4_000, exitCode: 0 };
  if (image.includes('slow')) return { termDelayMs: 2_500 };
  if (image.includes('stubborn')) return { ignoresTerm: true };
  return {};
}

function aRollout(rng: Rng): Rollout {
  if (chance(rng, 0.15)) return { type: 'Recreate' };
  const maxSurge = pick(rng, [0, 1, 2, '25%', '50%']);
  const maxUnavailable = pick(rng, maxSurge === 0 ? [1, 2, '50%'] : [0, 0, 1, '25%']);
  return { type: 'RollingUpdate', maxSurge, maxUnavailable };
}

export function aDeploymentDraft(rng: Rng, index: number, bad: boolean): DeploymentDraft {
  const hostPort = chance(rng, 0.1) ? 8080 + index : undefined;
  return {
    replicas: upTo(rng, hostPort === undefined ? MAX_REPLICAS : 2),
    image: bad && chance(rng, 0.6) ? pick(rng, BAD_IMAGES) : pick(rng, GOOD_IMAGES),
    // A new pod never gets the port of the pod that it replaces on a full set of nodes: it must go
    // first.
    rollout:
      hostPort === undefined ? aRollout(rng) : { type: 'RollingUpdate', maxSurge: 0, maxUnavailable: 1 },
    cpu: bad && chance(rng, 0.4) ? HUGE_CPU : pick(rng, ['50m', '100m', '150m']),
    minReadySeconds: pick(rng, [0, 0, 5]),
    graceSeconds: pick(rng, [1, 3, 10]),
    hostPort,
    ssd: hostPort === undefined && chance(rng, 0.15),
    sidecar: chance(rng, 0.2),
    config: chance(rng, 0.3) ? 'settings' : undefined,
  };
}

export function isSatisfiable({ cpu }: DeploymentDraft): boolean {
  return cpu !== HUGE_CPU;
}

export function deploymentYaml(name: string, draft: DeploymentDraft): string {
  const { rollout } = draft;
  const strategy =
    rollout.type === 'Recreate'
      ? '{type: Recreate}'
      : `{type: RollingUpdate, rollingUpdate: {maxSurge: ${rollout.maxSurge}, maxUnavailable: ${rollout.maxUnavailable}}}`;
  const ports =
    draft.hostPort === undefined
      ? ''
      : `\n          ports: [{containerPort: 80, hostPort: ${draft.hostPort}}]`;
  const mounts =
    draft.config === undefined ? '' : '\n          volumeMounts: [{name: config, mountPath: /config}]';
  const volumes =
    draft.config === undefined ? '' : `\n      volumes: [{name: config, configMap: {name: ${draft.config}}}]`;
  return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
spec:
  replicas: ${draft.replicas}
  minReadySeconds: ${draft.minReadySeconds}
  strategy: ${strategy}
  selector:
    matchLabels: {app: ${name}}
  template:
    metadata:
      labels: {app: ${name}}
    spec:
      terminationGracePeriodSeconds: ${draft.graceSeconds}${draft.ssd ? '\n      nodeSelector: {disk: ssd}' : ''}
      containers:
        - name: main
          image: ${draft.image}
          resources: {requests: {cpu: "${draft.cpu}", memory: 64Mi}}${ports}${mounts}${
            draft.sidecar ? '\n        - name: sidecar\n          image: app:v1' : ''
          }${volumes}
`;
}

/** Two workloads of the scene. */
export function firstTree(rng: Rng, scene: Scene): TreeDraft {
  if (scene === 'workloads') return { ...EMPTY_TREE, workloads: someWorkloads(rng) };
  const first = upTo(rng, NAMES.length - 1);
  const drafts = [first, (first + 1) % NAMES.length].map((index) => [
    NAMES[index] ?? 'web',
    aDeploymentDraft(rng, index, false),
  ]);
  return { ...EMPTY_TREE, deployments: Object.fromEntries(drafts) as TreeDraft['deployments'] };
}

export function configMapYaml(name: string, value: string): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n  value: ${JSON.stringify(value)}\n`;
}

export const fileOf = (name: string): string => `apps/${name}.yaml`;
export const configFileOf = (name: string): string => `config/${name}.yaml`;

/** Every file of the tree. */
export function filesOf(tree: TreeDraft): Record<string, string> {
  const files: Record<string, string> = {};
  for (const [name, draft] of Object.entries(tree.deployments))
    files[fileOf(name)] = deploymentYaml(name, draft);
  for (const [name, value] of Object.entries(tree.configMaps))
    files[configFileOf(name)] = configMapYaml(name, value);
  for (const [name, draft] of Object.entries(tree.workloads)) files[fileOf(name)] = workloadYaml(name, draft);
  return files;
}

export const BROKEN_FILES: readonly string[] = [
  'apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: broken\n  labels: [\n',
  'apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: Broken_Name\nspec:\n  replicas: two\n',
  'apiVersion: v1\nkind: Podd\nmetadata:\n  name: broken\n',
  'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: twice\n  name: twice\n',
];
