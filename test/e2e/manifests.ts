/** Manifests as a developer writes them, for the end-to-end tests. */

export interface WebOptions {
  readonly name?: string;
  readonly replicas?: number;
  readonly version?: '1' | '2';
  /** More lines of the pod's spec, indented by six spaces. */
  readonly podSpec?: string;
  /** More lines of the container, indented by ten spaces. */
  readonly container?: string;
  /** More lines of the Deployment's spec, indented by two spaces. */
  readonly spec?: string;
}

/** A web server that answers on 8080, is ready when it does, and stops at once on SIGTERM. */
export function web({
  name = 'web',
  replicas = 2,
  version = '1',
  podSpec = '',
  container = '',
  spec = '',
}: WebOptions = {}): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
  labels: {app: ${name}}
spec:
  replicas: ${replicas}
  selector:
    matchLabels: {app: ${name}}
${spec}  template:
    metadata:
      labels: {app: ${name}}
    spec:
      terminationGracePeriodSeconds: 5
${podSpec}      containers:
        - name: httpd
          image: symphony.example/web:${version}
          imagePullPolicy: IfNotPresent
          ports:
            - {name: http, containerPort: 8080}
          readinessProbe:
            httpGet: {path: /index.html, port: http}
            periodSeconds: 1
${container}`;
}

export interface ToolOptions {
  readonly name: string;
  /** A shell script, on one line or as a block. */
  readonly script: string;
  /** More lines of the spec, indented by two spaces. */
  readonly spec?: string;
  /** More lines of the container, indented by six spaces. */
  readonly container?: string;
  readonly labels?: string;
}

/** One pod that runs a script in a shell. */
export function tool({
  name,
  script,
  spec = '',
  container = '',
  labels = `{app: ${name}}`,
}: ToolOptions): string {
  return `apiVersion: v1
kind: Pod
metadata:
  name: ${name}
  labels: ${labels}
spec:
  terminationGracePeriodSeconds: 2
${spec}  containers:
    - name: main
      image: symphony.example/tools:1
      imagePullPolicy: IfNotPresent
      command: ["sh", "-c", ${JSON.stringify(script)}]
${container}`;
}

/** Waits for ever and ends at once on SIGTERM. */
export const STAY = "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done";

export function configMap(name: string, data: Readonly<Record<string, string>>, namespace?: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
    data,
  });
}

export function documents(...parts: readonly string[]): string {
  return parts.join('\n---\n');
}
