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
