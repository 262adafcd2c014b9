import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AnswerRecord, harmlessUri } from '../../../src/api/http/answer-record.ts';
import { openAuditLog } from '../../../src/api/http/audit.ts';
import { openAuditFile } from '../../../src/api/http/audit-file.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { silentLogger } from '../../../src/base/logger.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'symphony-audit-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const record: AnswerRecord = {
  stage: 'complete',
  user: { name: 'bob', groups: ['dev'], uid: '7' },
  impersonator: { name: 'root', groups: ['system:masters'] },
  routed: {
    verb: 'get',
    subresource: 'log',
    attributes: {
      verb: 'get',
      group: '',
      resource: 'pods',
      subresource: 'log',
      namespace: 'default',
      name: 'web',
      fieldSelector: undefined,
    },
  },
  method: 'GET',
  uri: '/api/v1/namespaces/default/pods/web/log',
  code: 200,
  durationMs: 1.23456,
  sourceAddress: '10.1.2.3',
  userAgent: 'kubectl/v1.32',
  stood: false,
  rejection: undefined,
  annotations: undefined,
};

it('writes one line a request: who, for whom, what, and how it ended', async () => {
  const path = join(directory, 'audit.log');
  const audit = await openAuditLog({ path, clock: systemClock, logger: silentLogger });
  audit.record(record);
  const annotations = new Map([['pod-security.kubernetes.io/enforce-policy', 'baseline:latest']]);
  audit.record({
    ...record,
    annotations,
    stage: 'started',
    user: undefined,
    impersonator: undefined,
    routed: undefined,
  });
  await audit[Symbol.asyncDispose]();
  const [first, second, ...rest] = (await readFile(path, 'utf8')).trim().split('\n');
  expect(rest).toEqual([]);
  expect(JSON.parse(first ?? '')).toEqual({
    level: 30,
    time: expect.any(Number) as number,
    user: 'bob',
    groups: ['dev'],
    uid: '7',
    impersonator: 'root',
    impersonatorGroups: ['system:masters'],
    verb: 'get',
    group: '',
    resource: 'pods',
    subresource: 'log',
    namespace: 'default',
    name: 'web',
    uri: '/api/v1/namespaces/default/pods/web/log',
    code: 200,
    ms: 1.235,
    ip: '10.1.2.3',
    agent: 'kubectl/v1.32',
    msg: 'A request was answered',
  });
  expect(JSON.parse(second ?? '')).toMatchObject({
    verb: 'get',
    annotations: { 'pod-security.kubernetes.io/enforce-policy': 'baseline:latest' },
    msg: 'A request is being served',
  });
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

describe('the address of a request', () => {
  it.each([
    ['/api/v1/pods?watch=1&labelSelector=a%3Db', '/api/v1/pods?watch=1&labelSelector=a%3Db'],
    ['/x/exec?command=sh&command=-c&container=a', '/x/exec?command=***&command=***&container=a'],
    ['/x?token=abc&access_token=d&%74oken=e', '/x?token=***&access_token=***&%74oken=***'],
    ['/x?flag', '/x?flag'],
    ['/x', '/x'],
  ])('%s is written as %s', (given, written) => expect(harmlessUri(given)).toBe(written));

  it('is cut where it is long', () => expect(harmlessUri(`/${'x'.repeat(9_999)}`)).toHaveLength(2_048));
});

it('a full file is set aside, and only so many are kept', async () => {
  const path = join(directory, 'audit.log');
  for (let round = 0; round < 8; round += 1) {
    const file = await openAuditFile({ path, clock: systemClock, logger: silentLogger, maxFileBytes: 100 });
    file.write(`${String(round).repeat(80)}\n`);
    await file[Symbol.asyncDispose]();
  }
  expect((await readdir(directory)).sort()).toEqual([
    'audit.log',
    'audit.log.1',
    'audit.log.2',
    'audit.log.3',
    'audit.log.4',
  ]);
  expect(await readFile(path, 'utf8')).toBe(`${'7'.repeat(80)}\n`);
  expect(await readFile(`${path}.4`, 'utf8')).toBe(`${'3'.repeat(80)}\n`);
});
