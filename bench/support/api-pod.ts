/**
 * A pod as a Deployment makes them and an agent reports them: some three KiB of JSON, managed
 * fields included.
 */
import type { KubeObject } from '../../src/schemas/object.ts';

const AT = '2026-01-01T00:00:00Z';

export function benchPod(name: string, index: number, node: string): KubeObject {
  const id = index.toString(16).padStart(12, '0');
  const ip = `10.244.${Math.floor(index / 250) % 250}.${(index % 250) + 1}`;
  return {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: {
      name,
      namespace: 'default',
      uid: `00000000-0000-4000-8000-${id}`,
      creationTimestamp: AT,
      labels: { app: 'web', tier: index % 2 === 0 ? 'front' : 'back', 'pod-template-hash': '5d78c9869d' },
      annotations: { touched: '0' },
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          name: 'web-5d78c9869d',
          uid: '00000000-0000-4000-8000-ffffffffffff',
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
      managedFields: [
        {
          manager: 'symphony-controllers',
          operation: 'Update',
          apiVersion: 'v1',
          time: AT,
          fieldsType: 'FieldsV1',
          fieldsV1: {
            'f:metadata': { 'f:labels': { '.': {}, 'f:app': {}, 'f:tier': {}, 'f:pod-template-hash': {} } },
            'f:spec': {
              'f:containers': { 'k:{"name":"web"}': { '.': {}, 'f:image': {}, 'f:resources': {} } },
            },
          },
        },
        {
          manager: 'symphony-agent',
          operation: 'Update',
          apiVersion: 'v1',
          time: AT,
          subresource: 'status',
          fieldsType: 'FieldsV1',
          fieldsV1: {
            'f:status': { 'f:conditions': {}, 'f:containerStatuses': {}, 'f:phase': {}, 'f:podIP': {} },
          },
        },
      ],
    },
    spec: {
      nodeName: node,
      restartPolicy: 'Always',
      dnsPolicy: 'ClusterFirst',
      schedulerName: 'default-scheduler',
      serviceAccountName: 'default',
      terminationGracePeriodSeconds: 30,
      enableServiceLinks: true,
      containers: [
        {
          name: 'web',
          image: 'registry.example/web:1.27.3',
          imagePullPolicy: 'IfNotPresent',
          ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
          env: [
            { name: 'PORT', value: '8080' },
            { name: 'POD_NAME', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } },
          ],
          resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } },
          readinessProbe: { httpGet: { path: '/healthz', port: 'http', scheme: 'HTTP' }, periodSeconds: 10 },
          terminationMessagePath: '/dev/termination-log',
          terminationMessagePolicy: 'File',
        },
      ],
      tolerations: [
        {
          key: 'node.kubernetes.io/not-ready',
          operator: 'Exists',
          effect: 'NoExecute',
          tolerationSeconds: 300,
        },
        {
          key: 'node.kubernetes.io/unreachable',
          operator: 'Exists',
          effect: 'NoExecute',
          tolerationSeconds: 300,
        },
      ],
    },
    status: {
      phase: 'Running',
      podIP: ip,
      podIPs: [{ ip }],
      hostIP: '192.168.1.10',
      qosClass: 'Burstable',
      startTime: AT,
      conditions: ['Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map((type) => ({
        type,
        status: 'True',
        lastTransitionTime: AT,
      })),
      containerStatuses: [
        {
          name: 'web',
          ready: true,
          started: true,
          restartCount: 0,
          image: 'registry.example/web:1.27.3',
          imageID: `sha256:${'a'.repeat(64)}`,
          containerID: `docker://${id.repeat(5)}`,
          state: { running: { startedAt: AT } },
        },
      ],
    },
  };
}
