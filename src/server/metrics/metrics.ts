/**
 * `/metrics` in Prometheus' text format: the process, and the answers of the API server. Labels
 * come from closed sets only, never from what a client writes.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { WaitingCause } from '../../resources/restore.ts';
import type { AnswerRecord } from '../../api/http/answer-record.ts';
import type { MetricsSource } from '../../api/http/other-requests.ts';
import type { RateLimits } from '../../api/http/rate-limits.ts';
import { observeProcess } from './process-metrics.ts';

export interface Metrics {
  readonly source: MetricsSource;
  observe(record: AnswerRecord): void;
  /** Something of this resource lies in the store and cannot be read. */
  unreadable(resource: string): void;
  /** Counts a pod that an agent reported at a rebuild and that was not restored. */
  onWaiting(cause: WaitingCause): void;
  /** The running server, whose requests in flight are shown. */
  follow(limits: RateLimits): void;
}

/** Seconds; the API's service level objective is one second for a single object. */
const LATENCY_BUCKETS = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The verbs of requests that are about no resource. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE']);

export function createMetrics(): Metrics {
  const register = new Registry();
  observeProcess(register);
  const registers = [register];
  const labelNames = ['verb', 'group', 'resource', 'subresource', 'code'] as const;
  const requests = new Counter({
    name: 'apiserver_request_total',
    help: 'Requests answered',
    labelNames,
    registers,
  });
  const latency = new Histogram({
    name: 'apiserver_request_duration_seconds',
    help: 'Time until the answer was complete; watches and sessions are not counted',
    labelNames: ['verb', 'group', 'resource', 'code'] as const,
    buckets: LATENCY_BUCKETS,
    registers,
  });
  const rejected = new Counter({
    name: 'apiserver_rejected_requests_total',
    help: 'Requests answered with 429, by the limit that was reached',
    labelNames: ['reason'] as const,
    registers,
  });
  const waiting = new Counter({
    name: 'symphony_pods_not_restored_total',
    help: 'Pods that an agent reported at a rebuild and that wait for Git or an administrator, by cause',
    labelNames: ['cause'] as const,
    registers,
  });
  const longRunning = new Gauge({
    name: 'apiserver_longrunning_requests',
    help: 'Watches and sessions that stand',
    labelNames: ['verb', 'group', 'resource', 'subresource'] as const,
    registers,
  });
  const unreadable = new Counter({
    name: 'symphony_store_unreadable_total',
    help: 'Objects and changes in the store that could not be read and were passed over',
    labelNames: ['resource'] as const,
    registers,
  });
  /** By their labels, which are closed sets. */
  const series = new Map<
    string,
    { readonly requests: Counter.Internal; readonly latency: { observe(seconds: number): void } }
  >();
  let followed: RateLimits | undefined;
  new Gauge({
    name: 'apiserver_current_inflight_requests',
    help: 'Requests that are worked on, without watches and sessions',
    labelNames: ['request_kind'] as const,
    registers,
    collect() {
      this.set({ request_kind: 'readOnly' }, followed?.inFlight.reads ?? 0);
      this.set({ request_kind: 'mutating' }, followed?.inFlight.writes ?? 0);
    },
  });

  return {
    source: { contentType: register.contentType, metrics: () => register.metrics() },
    unreadable: (resource) => unreadable.inc({ resource }),
    onWaiting: (cause) => waiting.inc({ cause }),
    follow(limits) {
      followed = limits;
    },
    observe(record) {
      const { stage, code, durationMs, rejection, stood } = record;
      const about = aboutOf(record);
      const { verb, group, resource, subresource } = about;
      if (stage === 'started') return longRunning.inc(about);
      const key = `${verb} ${group} ${resource} ${subresource} ${code}`;
      let seriesOf = series.get(key);
      if (!seriesOf) {
        seriesOf = {
          requests: requests.labels({ ...about, code }),
          latency: latency.labels({ verb, group, resource, code }),
        };
        series.set(key, seriesOf);
      }
      if (stood) longRunning.dec(about);
      else seriesOf.latency.observe(durationMs / 1000);
      seriesOf.requests.inc();
      if (rejection) rejected.inc({ reason: rejection });
    },
  };
}

function aboutOf({ routed, method }: AnswerRecord): {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
} {
  if (!routed)
    return {
      verb: METHODS.has(method) ? method.toLowerCase() : 'other',
      group: '',
      resource: '',
      subresource: '',
    };
  const { verb, group, resource } = routed.attributes;
  return { verb, group, resource, subresource: routed.subresource ?? '' };
}
