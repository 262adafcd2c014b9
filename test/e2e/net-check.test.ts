/** `symphony net check` on a live system: all is right, and then one thing is not. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/kubectl.ts';
import { startSymphony, type Symphony } from '../support/symphony.ts';
import { documents, STAY, tool, web } from './manifests.ts';

const DENY = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'deny' },
  spec: { podSelector: { matchLabels: { app: 'web' } }, policyTypes: ['Ingress'] },
};

interface Row {
  readonly check: string;
  readonly subject: string;
  readonly status: string;
  readonly detail: string;
}

describe('symphony net check', () => {
  let symphony: Symphony;
  let pod: string;
  const check = async (...args: readonly string[]): Promise<{ code: number; rows: readonly Row[] }> => {
    const { code, stdout, stderr } = await symphony.cli('net', 'check', ...args, '-o', 'json');
    expect(stderr).toBe('');
    return { code, rows: JSON.parse(stdout) as readonly Row[] };
  };
  const failures = (rows: readonly Row[]): readonly string[] =>
    rows.filter(({ status }) => status === 'FAIL').map(({ check: name, subject }) => `${name} ${subject}`);

  beforeAll(async () => {
    const files = {
      'all.yaml': documents(web({ replicas: 1 }), tool({ name: 'client', script: STAY })),
    };
    symphony = await startSymphony({ nodes: 2, files });
    const { kubectl } = symphony;
    await symphony.untilNote((await symphony.repository.git('rev-parse', 'HEAD')).trim(), 'success');
    pod = (await kubectl('get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[0].metadata.name}')).trim();
    await kubectl('expose', 'deployment', 'web', '--port=80', '--target-port=8080');
    await kubectl('create', 'service', 'clusterip', 'empty', '--tcp=80');
    await eventually('the service has endpoints', async () =>
      (await kubectl('get', 'endpointslices', '-l', 'kubernetes.io/service-name=web')).includes('8080'),
    );
  });
  afterAll(() => symphony?.[Symbol.asyncDispose]());
  beforeEach(() => symphony.explainFailure());

  it('passes between two pods, asked from inside the one', async () => {
    const { code, rows } = await check('client', pod);
    expect(failures(rows)).toEqual([]);
    expect(code).toBe(0);
    expect(rows.at(-1)).toMatchObject({ check: 'connection', status: 'PASS', detail: 'connected' });
    const { stdout } = await symphony.cli('net', 'check', 'client', `default/${pod}`);
    expect(stdout).toMatch(/^STATUS +CHECK +SUBJECT +DETAIL$/m);
    expect(stdout).toMatch(/^PASS +bridge +node /m);
  });

  it('names the policy that denies, and the Service without endpoints', async () => {
    await symphony.kubectl.withInput(JSON.stringify(DENY), 'create', '-f', '-');
    const denied = await check('client', pod);
    expect(failures(denied.rows)).toEqual([`ingress-policy pod default/client -> pod default/${pod}:8080`]);
    expect(denied.code).toBe(1);
    await symphony.kubectl('delete', 'networkpolicy', 'deny');
    const empty = await check('client', 'service/empty');
    expect(failures(empty.rows)).toEqual(['endpoints service default/empty']);
  });

  it('names the pod that is not there, and says how it is used', async () => {
    expect(failures((await check('client', 'nobody')).rows)).toEqual(['pod pod default/nobody']);
    expect(failures((await check('--ingress', 'http://nobody.example/')).rows)).toEqual([
      'ingress http://nobody.example/',
    ]);
    const alone = await symphony.cli('net', 'check', 'client');
    expect([alone.code, alone.stderr]).toEqual([1, expect.stringContaining('name the pod or Service')]);
    expect((await symphony.cli('net', 'check', 'client', 'service/nobody')).stderr).toMatch(
      /none of that name/,
    );
  });
});
