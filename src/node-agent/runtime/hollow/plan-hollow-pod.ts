/**
 * Decides what containers and probes do on a hollow node, by annotations of their pod. Pure.
 *
 * Nothing says how long a program would run. Containers that are meant to end (restartPolicy Never
 * or OnFailure) end by themselves, and init containers at once; all others run until stopped.
 */
import type { Pod } from '../../../schemas/types.ts';
import type { ProbeOutcome } from '../../ports.ts';
import type { ProbeKind } from '../../probes/plan-probe.ts';
import { type ContainerSpec, labelKeys } from '../types.ts';
import type { FakeProgram } from '../fake/fake-container.ts';

export const hollowAnnotations = {
  /** Seconds after which the pod's containers end, whatever its restartPolicy. */
  runSeconds: 'symphony.dev/hollow-run-seconds',
  /** The code that they end with; 0 unless given. */
  exitCode: 'symphony.dev/hollow-exit-code',
  /** Probes that fail as long as they are named here: `startup`, `readiness`, `liveness`. */
  failingProbes: 'symphony.dev/hollow-failing-probes',
} as const;

const PROBES: Readonly<Record<string, ProbeKind>> = {
  startup: 'Startup',
  readiness: 'Readiness',
  liveness: 'Liveness',
};
/** A day: timers of the runtime take no more than some weeks. */
const MAX_RUN_SECONDS = 86_400;
const MAX_EXIT_CODE = 255;

export interface HollowDefaults {
  readonly node: string;
  /** The time that a container runs which is meant to end. */
  readonly runForMs: number;
}

export function planHollowProgram(
  pod: Pod | undefined,
  { image, labels }: Pick<ContainerSpec, 'image' | 'labels'>,
  { node, runForMs }: HollowDefaults,
): FakeProgram {
  const name = labels[labelKeys.containerName];
  const main = pod?.spec.containers.find((container) => container.name === name);
  const init = pod?.spec.initContainers?.find((container) => container.name === name);
  if (!pod || (!main && !init)) return {};
  const output = [`${hollowText(node)}: ${image} is not run and writes no log`];
  if (init) return init.restartPolicy === 'Always' ? { output } : { output, exitAfterMs: 0 };
  try {
    const runSeconds = wholeNumber(pod, 'runSeconds', MAX_RUN_SECONDS);
    const exitCode = wholeNumber(pod, 'exitCode', MAX_EXIT_CODE) ?? 0;
    failingProbes(pod, 'refuse unknown');
    const isMeantToEnd = (main?.restartPolicy ?? pod.spec.restartPolicy ?? 'Always') !== 'Always';
    const exitAfterMs = runSeconds === undefined ? (isMeantToEnd ? runForMs : undefined) : runSeconds * 1_000;
    return { output, ...(exitAfterMs === undefined ? {} : { exitAfterMs, exitCode }) };
  } catch (error) {
    if (error instanceof InvalidAnnotation) return { startError: error.message };
    throw error;
  }
}

/** Undefined: the probe is pretended to succeed. */
export function planHollowProbe(pod: Pod, kind: ProbeKind): ProbeOutcome | undefined {
  if (!failingProbes(pod).has(kind)) return undefined;
  return { success: false, message: `the annotation ${hollowAnnotations.failingProbes} names it` };
}

/** Each text about something that is impossible here begins with this. */
export const hollowText = (node: string): string => `Node "${node}" is hollow (--runtime hollow)`;

class InvalidAnnotation extends Error {}

type Annotation = keyof typeof hollowAnnotations;

const valueOf = ({ metadata }: Pod, annotation: Annotation): string | undefined =>
  metadata.annotations?.[hollowAnnotations[annotation]];

function invalid(annotation: Annotation, value: string, expected: string): InvalidAnnotation {
  const name = hollowAnnotations[annotation];
  return new InvalidAnnotation(
    `annotation ${name}: invalid value ${JSON.stringify(value)}: must be ${expected}`,
  );
}

function wholeNumber(pod: Pod, annotation: Annotation, maximum: number): number | undefined {
  const value = valueOf(pod, annotation);
  if (value === undefined) return undefined;
  const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
  if (!(number <= maximum)) throw invalid(annotation, value, `a whole number from 0 to ${maximum}`);
  return number;
}

function failingProbes(pod: Pod, unknown: 'refuse unknown' | 'pass over' = 'pass over'): Set<ProbeKind> {
  const value = valueOf(pod, 'failingProbes') ?? '';
  const kinds = new Set<ProbeKind>();
  for (const word of value.split(',').map((part) => part.trim())) {
    const kind = Object.hasOwn(PROBES, word) ? PROBES[word] : undefined;
    if (kind) kinds.add(kind);
    else if (word !== '' && unknown === 'refuse unknown')
      throw invalid('failingProbes', value, `a list of ${Object.keys(PROBES).join(', ')}`);
  }
  return kinds;
}
