/** An application of several parts that know each other by name, from Git to a request from outside. */
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually, runProgram } from '../support/kubectl.ts';
import { freePort, startSymphony, type Symphony } from '../support/symphony.ts';

const MANIFESTS = fileURLToPath(new URL('application.yaml', import.meta.url));
/** The eight pods start one after the other on a machine that does other things, too. */
const SUCCESS_TIMEOUT_MS = 240_000;
const CHAIN = `counter
  letters
    stamps
      ledger-0
      ledger-1
      prices
`;

describe('an application of five parts in two namespaces', () => {
  let symphony: Symphony;
  let ingressPort = 0;

  beforeAll(async () => {
    ingressPort = await freePort();
    symphony = await startSymphony({
      nodes: 2,
      files: { 'application.yaml': await readFile(MANIFESTS, 'utf8') },
      args: ['--ingress-http-port', String(ingressPort)],
    });
  });
  afterAll(() => symphony?.[Symbol.asyncDispose]());
  beforeEach(() => symphony.explainFailure());

  async function get(url: string, ...args: readonly string[]): Promise<string> {
    const curl = ['--silent', '--show-error', '--fail', '--max-time', '20', ...args, url];
    const { code, stdout, stderr } = await runProgram('curl', curl, { cwd: tmpdir(), env: process.env });
    return code === 0 ? stdout : stderr;
  }

  it('succeeds, and answers through its Ingress and its NodePort over every hop', async () => {
    const commit = (await symphony.repository.git('rev-parse', 'HEAD')).trim();
    await symphony.untilNote(commit, 'success', SUCCESS_TIMEOUT_MS);
    // Caddy starts when the Ingress is there, and no commit waits for it.
    const byName = ['--resolve', `post.example:${ingressPort}:127.0.0.1`];
    await eventually('the Ingress answers', async () => {
      expect(await get(`http://post.example:${ingressPort}/cgi-bin/chain`, ...byName)).toBe(CHAIN);
      return true;
    });
    const { spec } = await symphony.kubectl.json('get', 'service', 'counter', '--namespace', 'post');
    const { status } = await symphony.kubectl.json('get', 'node', 'node-1');
    const { address } = status.addresses.find(({ type }: { type: string }) => type === 'InternalIP');
    expect(await get(`http://${address}:${spec.ports[0].nodePort}/cgi-bin/chain`)).toBe(CHAIN);
  });
});
