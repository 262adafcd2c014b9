/** The handlers of probes and hooks: exec, httpGet, tcpSocket, grpc, sleep; in kubelet's words. */
import { type Clock, sleep } from '../../base/clock.ts';
import type { Container, Pod } from '../../schemas/types.ts';
import { type ProbeOutcome, type RunHook, type RunProbe, StepProblem } from '../ports.ts';
import { failureWords } from '../pod/failure-words.ts';
import { type ContainerRuntime, RuntimeError } from '../runtime/types.ts';
import { httpGet } from './http-get.ts';
import type { ProbeKind } from './plan-probe.ts';
import type { HttpRequest, ProbeIo } from './probe-io.ts';

type HttpGetAction = NonNullable<NonNullable<Container['livenessProbe']>['httpGet']>;

/** The part of a command's output that reaches an event. */
const EXEC_OUTPUT_LIMIT_BYTES = 10 * 1024;
const SERVING = 1;
const GRPC_STATUSES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

export interface HandlerContext {
  readonly runtime: ContainerRuntime;
  readonly io: ProbeIo;
  readonly clock: Clock;
  readonly hostIp: string;
  /** Answers a probe that is not to be run; undefined for one that is. */
  readonly decideProbe?: ((pod: Pod, kind: ProbeKind) => ProbeOutcome | undefined) | undefined;
  /** Why the addresses of pods lead elsewhere; undefined if they do not. */
  readonly networkProblem: () => string | undefined;
}

export function createRunProbe(context: HandlerContext): RunProbe {
  const run: RunProbe = async ({ pod, container, containerId, ip, kind, timeoutMs }) => {
    const probe = {
      Startup: container.startupProbe,
      Readiness: container.readinessProbe,
      Liveness: container.livenessProbe,
    }[kind];
    const decided = context.decideProbe?.(pod, kind);
    if (decided) return decided;
    if (probe?.exec) return runExec(context, containerId, probe.exec.command ?? [], timeoutMs);
    const isElsewhere = Boolean(probe?.httpGet?.host || probe?.tcpSocket?.host);
    const stranger = isElsewhere ? undefined : strangerAt(pod, context);
    // Another machine answers there, so nobody can reach this container.
    if (stranger !== undefined) return { success: false, message: stranger, isError: kind !== 'Readiness' };
    const address = addressOf(pod, ip, context.hostIp);
    if (probe?.httpGet) {
      const request = httpRequestOf(probe.httpGet, container, address, timeoutMs);
      const { status, body } = await httpGet(context.io, context.clock, request);
      if (status < 200 || status >= 400)
        return { success: false, message: `HTTP probe failed with statuscode: ${status}` };
      if (status < 300) return { success: true, message: body };
      const message = `Probe terminated redirects, Response body: ${body}`;
      return { success: true, isWarning: true, message };
    }
    if (probe?.tcpSocket) {
      const port = portOf(probe.tcpSocket.port, container);
      await context.io.tcp(probe.tcpSocket.host || address, port, timeoutMs);
      return { success: true, message: '' };
    }
    if (probe?.grpc) {
      const { port, service } = probe.grpc;
      const status = await context.io.grpcHealth(address, port, service ?? '', timeoutMs);
      const name = GRPC_STATUSES[status] ?? String(status);
      return { success: status === SERVING, message: `service unhealthy (responded with "${name}")` };
    }
    return { success: true, message: '' };
  };
  return (input) => run(input).catch(probeFailure);
}

/** A container that is late or refuses has failed. A probe that cannot run has no result. */
function probeFailure(error: unknown): ProbeOutcome {
  const isError = error instanceof StepProblem || (error instanceof RuntimeError && error.code !== 'timeout');
  return { success: false, message: failureWords(error), isError };
}

export function createRunHook(context: HandlerContext): RunHook {
  return async ({ pod, container, containerId, ip, hook, timeoutMs, signal }) => {
    const handler = container.lifecycle?.[hook];
    if (handler?.exec) {
      const outcome = await runExec(context, containerId, handler.exec.command ?? [], timeoutMs);
      if (!outcome.success) throw new StepProblem('HookFailed', outcome.message);
    } else if (handler?.httpGet) {
      const stranger = handler.httpGet.host ? undefined : strangerAt(pod, context);
      if (stranger !== undefined) throw new StepProblem('HookFailed', stranger);
      const address = addressOf(pod, ip, context.hostIp);
      // Any answer will do: a hook tells the server something and asks nothing (kubelet has it so).
      await httpGet(context.io, context.clock, httpRequestOf(handler.httpGet, container, address, timeoutMs));
    } else if (handler?.sleep) {
      await sleep(context.clock, Math.min(handler.sleep.seconds * 1_000, timeoutMs), signal);
    }
  };
}

async function runExec(
  context: HandlerContext,
  containerId: string,
  command: readonly string[],
  timeoutMs: number,
): Promise<ProbeOutcome> {
  const limits = { timeoutMs, outputLimitBytes: EXEC_OUTPUT_LIMIT_BYTES };
  const { exitCode, output } = await context.runtime.exec(containerId, command, limits);
  return { success: exitCode === 0, message: output.trim() || `command exited with ${exitCode}` };
}

const strangerAt = ({ spec }: Pod, { networkProblem }: HandlerContext): string | undefined =>
  spec.hostNetwork === true ? undefined : networkProblem();

function addressOf(pod: Pod, ip: string | undefined, hostIp: string): string {
  return pod.spec.hostNetwork === true ? hostIp : (ip ?? hostIp);
}

function httpRequestOf(
  action: HttpGetAction,
  container: Container,
  address: string,
  timeoutMs: number,
): HttpRequest {
  const path = action.path || '/';
  const headers = Object.fromEntries(
    (action.httpHeaders ?? []).map(({ name, value }) => [name.toLowerCase(), value]),
  );
  return {
    scheme: action.scheme?.toLowerCase() === 'https' ? 'https' : 'http',
    host: action.host || address,
    port: portOf(action.port, container),
    path: escaped(path.startsWith('/') ? path : `/${path}`),
    headers,
    timeoutMs,
  };
}

/** As Go's client escapes a path: Node refuses what is not written so. */
const escaped = (path: string): string => path.replaceAll(/[^\x21-\x7e]/gu, encodeURIComponent);

/** A number, digits, or the name of one of the container's ports. */
export function portOf(port: number | string, container: Container): number {
  const number = typeof port === 'number' ? port : /^\d+$/.test(port) ? Number(port) : undefined;
  if (number !== undefined) return number;
  const named = container.ports?.find((candidate) => candidate.name === port);
  if (!named) throw new StepProblem('ProbeError', `couldn't find port: ${port}`);
  return named.containerPort;
}
