/** Defaults of a pod spec, alone or in a template (`SetDefaults_PodSpec` and others upstream). */
import { words } from '../../base/words.ts';
import { type Draft, dropZero, fill, fillZero, part, parts } from './draft.ts';
import { omit } from '../json-access.ts';
import { isPodLevelResource } from '../pods/pod-resources.ts';
import { podQuantities } from '../pods/pod-quantities.ts';
import { formatQuantity } from '../values/quantity.ts';
import { defaultPullPolicy, defaultResourceField } from './references.ts';
import { defaultVolume } from './volumes.ts';

export const CONTAINER_LISTS = ['containers', 'initContainers', 'ephemeralContainers'] as const;

const SPEC_ZERO = words(`
  hostNetwork hostPID hostIPC nodeName hostname subdomain serviceAccountName serviceAccount
  priorityClassName
`);

export function defaultPodSpec(spec: Draft | undefined): void {
  if (!spec) return;
  // Upstream removes fields of features that are off.
  delete spec['schedulingGroup'];
  dropZero(spec, SPEC_ZERO);
  spec['serviceAccountName'] ??= spec['serviceAccount'];
  spec['serviceAccount'] = spec['serviceAccountName'];
  if (spec['serviceAccount'] === undefined) {
    delete spec['serviceAccount'];
    delete spec['serviceAccountName'];
  }
  fillZero(spec, { restartPolicy: 'Always', dnsPolicy: 'ClusterFirst', schedulerName: 'default-scheduler' });
  fill(spec, { securityContext: {}, terminationGracePeriodSeconds: 30 });
  for (const list of CONTAINER_LISTS) for (const container of parts(spec, list)) defaultContainer(container);
  for (const volume of parts(spec, 'volumes')) defaultVolume(volume);
  for (const toleration of parts(spec, 'tolerations'))
    dropZero(toleration, ['key', 'operator', 'value', 'effect']);
}

/** Defaults of pods but not of templates: requests follow limits, host ports container ports. */
export function defaultPod(spec: Draft | undefined): void {
  if (!spec) return;
  fill(spec, { enableServiceLinks: true });
  const grace = spec['terminationGracePeriodSeconds'];
  if (typeof grace === 'number' && grace < 0) spec['terminationGracePeriodSeconds'] = 1;
  const hostNetwork = spec['hostNetwork'] === true;
  for (const list of ['containers', 'initContainers']) {
    for (const container of parts(spec, list)) {
      copyLimitsToRequests(container);
      if (!hostNetwork) continue;
      for (const port of parts(container, 'ports')) fillZero(port, { hostPort: port['containerPort'] });
    }
  }
  defaultPodResources(spec);
}

/** A pod as a whole requests the sum of its containers, or else its limit (KEP-2837). */
function defaultPodResources(spec: Draft): void {
  const resources = part(spec, 'resources');
  if (!resources) return;
  const requests: Draft = { ...part(resources, 'requests') };
  for (const [name, sum] of podQuantities(omit(spec, 'resources', 'overhead'), 'requests'))
    if (name === 'cpu' || name === 'memory') requests[name] ??= formatQuantity(sum);
  for (const [name, limit] of Object.entries(part(resources, 'limits') ?? {}))
    if (isPodLevelResource(name)) requests[name] ??= limit;
  if (Object.keys(requests).length > 0) resources['requests'] = requests;
}

function copyLimitsToRequests(container: Draft): void {
  const resources = part(container, 'resources');
  const limits = part(resources, 'limits');
  if (!resources || !limits) return;
  resources['requests'] ??= {};
  fill(part(resources, 'requests'), limits);
}

const CONTAINER_ZERO = ['image', 'workingDir', 'stdin', 'stdinOnce', 'tty'];

function defaultContainer(container: Draft): void {
  dropZero(container, CONTAINER_ZERO);
  fillZero(container, {
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: defaultPullPolicy(container['image']),
  });
  for (const port of parts(container, 'ports')) {
    dropZero(port, ['name', 'hostPort', 'hostIP']);
    fillZero(port, { protocol: 'TCP' });
  }
  for (const probe of ['livenessProbe', 'readinessProbe', 'startupProbe'])
    defaultProbe(part(container, probe));
  const lifecycle = part(container, 'lifecycle');
  if (lifecycle) delete lifecycle['stopSignal'];
  defaultHttpGet(part(part(lifecycle, 'postStart'), 'httpGet'));
  defaultHttpGet(part(part(lifecycle, 'preStop'), 'httpGet'));
  for (const variable of parts(container, 'env')) defaultVariable(variable);
  for (const source of parts(container, 'envFrom')) dropZero(source, ['prefix']);
  for (const mount of parts(container, 'volumeMounts'))
    dropZero(mount, ['readOnly', 'subPath', 'subPathExpr']);
}

function defaultProbe(probe: Draft | undefined): void {
  dropZero(probe, ['initialDelaySeconds']);
  fillZero(probe, { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 });
  defaultHttpGet(part(probe, 'httpGet'));
  fill(part(probe, 'grpc'), { service: '' });
}

function defaultHttpGet(action: Draft | undefined): void {
  dropZero(action, ['host']);
  fillZero(action, { path: '/', scheme: 'HTTP' });
}

function defaultVariable(variable: Draft): void {
  dropZero(variable, ['value']);
  const from = part(variable, 'valueFrom');
  fillZero(part(from, 'fieldRef'), { apiVersion: 'v1' });
  defaultResourceField(part(from, 'resourceFieldRef'));
}
