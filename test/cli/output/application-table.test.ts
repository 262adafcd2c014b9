import { expect, it } from 'vitest';
import { renderApplications } from '../../../src/cli/output/application-table.ts';
import { createColours } from '../../../src/cli/output/colours.ts';
import type { Application } from '../../../src/schemas/types.ts';

const application = (status: Record<string, unknown>): Application =>
  ({
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Application',
    metadata: { name: 'root', namespace: 'symphony-system' },
    spec: {},
    status,
  }) as unknown as Application;

it('says each problem of an application once, and on lines of their own', () => {
  const status = {
    sync: { status: 'OutOfSync' },
    commitStatus: { state: 'failure', description: 'a.yaml:1: wrong' },
    operationState: { phase: 'Failed', message: 'a.yaml:1: wrong\nb.yaml:2: worse\u001b[31m' },
    conditions: [{ type: 'SyncError', message: 'a.yaml:1: wrong' }],
  };
  const [, , ...lines] = renderApplications([application(status)], createColours(false))
    .trimEnd()
    .split('\n');
  expect(lines.map((line) => line.trim())).toEqual([
    'b.yaml:2: worse\\u{1b}[31m',
    'SyncError: a.yaml:1: wrong',
  ]);
});

const linesBelow = (status: Record<string, unknown>): readonly string[] =>
  renderApplications([application(status)], createColours(false))
    .trimEnd()
    .split('\n')
    .slice(2)
    .map((line) => line.trim());

it('says every cause in full, and does not repeat the commit status that has the first one cut', () => {
  const first = `deployment/web: container api cannot start: ErrImagePull: ${'x'.repeat(200)}: no such host`;
  const status = {
    health: { status: 'Progressing', message: `${first}\ndeployment/db: container db exited 1` },
    operationState: { phase: 'Succeeded', message: 'successfully synced' },
    commitStatus: { state: 'failure', description: `${first.slice(0, 60)} … no such host (and 1 more)` },
  };
  expect(linesBelow(status)).toEqual([first, 'deployment/db: container db exited 1']);
});

it('says the errors of a commit before the objects that are missing because of them', () => {
  const status = {
    health: { status: 'Missing', message: 'configmap/a: Missing\nconfigmap/b: Missing' },
    conditions: [
      { type: 'RuntimeWarning', message: 'a.yaml:2: would violate' },
      { type: 'ComparisonError', message: 'a.yaml:1: wrong' },
    ],
  };
  expect(linesBelow(status)).toEqual([
    'ComparisonError: a.yaml:1: wrong',
    'configmap/a: Missing',
    'configmap/b: Missing',
    'RuntimeWarning: a.yaml:2: would violate',
  ]);
});

it('says of a success what warns, and what has gone wrong since', () => {
  const warning = { type: 'OnlyStoredWarning', message: 'Service shop/web: only stored' };
  const status = {
    health: { status: 'Healthy' },
    operationState: { phase: 'Succeeded' },
    commitStatus: { state: 'success', description: '2 objects healthy; 1 Service only stored' },
    conditions: [warning],
  };
  expect(linesBelow(status)).toEqual(['OnlyStoredWarning: Service shop/web: only stored']);
  const lost = { status: 'Progressing', message: 'deployment/web: node n1 is lost (NotReady)' };
  expect(linesBelow({ ...status, conditions: [], health: lost })).toEqual([lost.message]);
});

it('bounds what it says of one application', () => {
  const message = Array.from({ length: 100 }, (_unit, number) => `a.yaml:${number}: wrong`).join('\n');
  const lines = linesBelow({ conditions: [{ type: 'ComparisonError', message }] });
  expect(lines.length).toBe(21);
  expect(lines.at(-1)).toBe('and 80 more');
});
