/**
 * The process in `/metrics`, by Prometheus' usual names, read when asked. The client library's own
 * set keeps a timer of 10 ms and follows every garbage collection, which costs too much at rest.
 */
import { readdirSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { Counter, Gauge, type Registry } from 'prom-client';
import { countChildren } from '../../base/child-processes/child-process.ts';

const MICROSECONDS = 1_000_000;

export function observeProcess(register: Registry): void {
  const registers = [register];
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  };
  const counter = (name: string, help: string, read: () => number): void => {
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  };
  const cpu = (): NodeJS.CpuUsage => process.cpuUsage();
  counter('process_cpu_user_seconds_total', 'User CPU time', () => cpu().user / MICROSECONDS);
  counter('process_cpu_system_seconds_total', 'System CPU time', () => cpu().system / MICROSECONDS);
  counter('process_cpu_seconds_total', 'User and system CPU time', () => {
    const { user, system } = cpu();
    return (user + system) / MICROSECONDS;
  });
  const startedAt = Math.round(performance.timeOrigin / 1_000);
  gauge('process_start_time_seconds', 'Start of the process, since the Unix epoch', () => startedAt);
  gauge('process_resident_memory_bytes', 'Resident memory', () => process.memoryUsage.rss());
  gauge('process_open_fds', 'Open file descriptors', openFiles);
  gauge('nodejs_heap_size_total_bytes', 'Heap of JavaScript', () => process.memoryUsage().heapTotal);
  gauge('nodejs_heap_size_used_bytes', 'Heap of JavaScript in use', () => process.memoryUsage().heapUsed);
  gauge('nodejs_external_memory_bytes', 'Memory outside the heap', () => process.memoryUsage().external);
  new Gauge({
    name: 'symphony_child_processes',
    help: 'Child processes that live now, by what they are for',
    labelNames: ['purpose'] as const,
    registers,
    collect() {
      for (const { purpose, living } of countChildren()) this.set({ purpose }, living);
    },
  });
  new Counter({
    name: 'symphony_child_processes_started_total',
    help: 'Child processes started, by what they are for',
    labelNames: ['purpose'] as const,
    registers,
    collect() {
      this.reset();
      for (const { purpose, started } of countChildren()) this.inc({ purpose }, started);
    },
  });
  let last = performance.eventLoopUtilization();
  gauge(
    'nodejs_eventloop_utilization',
    'Share of time that the event loop was busy, since the last look',
    () => {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, last);
      last = now;
      return utilization;
    },
  );
  new Gauge({
    name: 'nodejs_version_info',
    help: 'Version of Node.js',
    labelNames: ['version'] as const,
    registers,
  }).set({ version: process.version }, 1);
}

/** Linux only; 0 elsewhere. */
function openFiles(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
}
