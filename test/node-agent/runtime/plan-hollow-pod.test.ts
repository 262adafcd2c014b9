import { describe, expect, it } from 'vitest';
import {
  hollowAnnotations,
  planHollowProbe,
  planHollowProgram,
} from '../../../src/node-agent/runtime/hollow/plan-hollow-pod.ts';
import { labelKeys } from '../../../src/node-agent/runtime/types.ts';
import type { Pod } from '../../../src/schemas/types.ts';
import { aPod } from '../../support/builders.ts';

const defaults = { node: 'n1', runForMs: 10_000 };
const { runSeconds, exitCode, failingProbes } = hollowAnnotations;

function programOf(spec: Partial<Pod['spec']>, annotations: Record<string, string> = {}, container = 'c') {
  const labels = { [labelKeys.containerName]: container };
  return planHollowProgram(aPod({ spec, annotations }), { image: 'app:1', labels }, defaults);
}

describe('a container on a hollow node', () => {
  it('writes one line, which says that nothing runs', () => {
    expect(programOf({})).toEqual({
      output: ['Node "n1" is hollow (--runtime hollow): app:1 is not run and writes no log'],
    });
  });

  it.each<[string, Partial<Pod['spec']>, Record<string, string>, object]>([
    ['runs where it always restarts', { restartPolicy: 'Always' }, {}, {}],
    [
      'ends after the default where it does not',
      { restartPolicy: 'Never' },
      {},
      { exitAfterMs: 10_000, exitCode: 0 },
    ],
    ['ends likewise on failure', { restartPolicy: 'OnFailure' }, {}, { exitAfterMs: 10_000, exitCode: 0 }],
    [
      'has a policy of its own',
      { containers: [{ name: 'c', image: 'a', restartPolicy: 'Never' }] },
      {},
      { exitAfterMs: 10_000 },
    ],
    [
      'ends when and as annotations say',
      { restartPolicy: 'Never' },
      { [runSeconds]: '3', [exitCode]: '7' },
      { exitAfterMs: 3_000, exitCode: 7 },
    ],
    ['ends at once', { restartPolicy: 'Never' }, { [runSeconds]: '0' }, { exitAfterMs: 0, exitCode: 0 }],
    [
      'ends where it restarts, too',
      {},
      { [runSeconds]: '3', [exitCode]: '1' },
      { exitAfterMs: 3_000, exitCode: 1 },
    ],
  ])('%s', (_, spec, annotations, expected) => {
    const { exitAfterMs, exitCode: code } = programOf(spec, annotations);
    expect({ exitAfterMs, exitCode: code }).toMatchObject(expected);
    expect(exitAfterMs).toBe('exitAfterMs' in expected ? expected.exitAfterMs : undefined);
  });

  it('ends at once and well before the others, unless it is a sidecar', () => {
    const initContainers = [
      { name: 'init', image: 'a' },
      { name: 'sidecar', image: 'a', restartPolicy: 'Always' as const },
    ];
    const failing = { [exitCode]: '7' };
    const init = programOf({ initContainers, restartPolicy: 'Never' }, failing, 'init');
    expect(init).toMatchObject({ exitAfterMs: 0 });
    expect(init.exitCode).toBeUndefined();
    expect(
      programOf({ initContainers, restartPolicy: 'Never' }, failing, 'sidecar').exitAfterMs,
    ).toBeUndefined();
  });

  it('runs until it is stopped when it is the sandbox, or the pod is not known', () => {
    expect(programOf({ restartPolicy: 'Never' }, {}, 'POD')).toEqual({});
    expect(planHollowProgram(undefined, { image: 'a', labels: {} }, defaults)).toEqual({});
  });

  it.each([
    [runSeconds, '5m', 'a whole number from 0 to 86400'],
    [runSeconds, '86401', 'a whole number from 0 to 86400'],
    [exitCode, '-1', 'a whole number from 0 to 255'],
    [exitCode, '256', 'a whole number from 0 to 255'],
    [failingProbes, 'rediness', 'a list of startup, readiness, liveness'],
    [failingProbes, 'constructor', 'a list of startup, readiness, liveness'],
  ])('does not start with %s: %s', (annotation, value, expected) => {
    expect(programOf({}, { [annotation]: value })).toEqual({
      startError: `annotation ${annotation}: invalid value "${value}": must be ${expected}`,
    });
  });
});

it.each<[string | undefined, string[]]>([
  [undefined, []],
  ['', []],
  ['readiness', ['Readiness']],
  ['startup, liveness', ['Startup', 'Liveness']],
  ['readiness,unknown', ['Readiness']],
])('probes that fail by the annotation %j: %j', (value, failing) => {
  const pod = aPod({ annotations: value === undefined ? {} : { [failingProbes]: value } });
  const kinds = ['Startup', 'Readiness', 'Liveness'] as const;
  expect(kinds.filter((kind) => planHollowProbe(pod, kind)?.success === false)).toEqual(failing);
});
