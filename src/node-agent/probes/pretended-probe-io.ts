/** Answers of healthy programs, for nodes and simulations that run none. */
import type { ProbeIo } from './probe-io.ts';

const SERVING = 1;

export const pretendedProbeIo: ProbeIo = {
  http: async () => ({ status: 200, body: '' }),
  tcp: async () => undefined,
  grpcHealth: async () => SERVING,
};
