/** `/metrics`: the process itself, and what the API server answers, in Prometheus' text format. */
import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client';
import type { AnswerRecord } from '../api/http/app.ts';
import type { MetricsSource } from '../api/http/other-requests.ts';

export interface Metrics {
  readonly source: MetricsSource;
  observe(record: AnswerRecord): void;
}

/** Seconds; the API's service level objective is one second for a single object. */
const LATENCY_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function createMetrics(): Metrics {
  const register = new Registry();
  collectDefaultMetrics({ register });
  const requests = new Counter({
    name: 'apiserver_request_total',
    help: 'Requests answered, by method and code',
    labelNames: ['method', 'code'] as const,
    registers: [register],
  });
  const latency = new Histogram({
    name: 'apiserver_request_duration_seconds',
    help: 'Time until the answer was complete, watches included once they end',
    labelNames: ['method'] as const,
    buckets: LATENCY_BUCKETS,
    registers: [register],
  });
  return {
    source: { contentType: register.contentType, metrics: () => register.metrics() },
    observe({ method, code, durationMs }) {
      requests.inc({ method, code: String(code) });
      latency.observe({ method }, durationMs / 1000);
    },
  };
}
