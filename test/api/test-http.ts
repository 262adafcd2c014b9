/** The HTTP layer over plain HTTP, on a memory store. Every request is the administrator's. */
import { silentLogger } from '../../src/base/logger.ts';
import { systemClock } from '../../src/base/clock.ts';
import { createAuthorizer } from '../../src/resources/authz/authorizer.ts';
import { createAccessReviews } from '../../src/api/virtual/access-reviews.ts';
import type { UserInfo } from '../../src/resources/types.ts';
import type { AnswerRecord } from '../../src/api/http/answer-record.ts';
import { createApp } from '../../src/api/http/app.ts';
import { createTunnels } from '../../src/api/tunnel.ts';
import { createHttpClient } from '../support/http-client.ts';
import type { AdmissionPolicy } from '../../src/resources/admission/types.ts';
import { startTestCore, type TestCore } from './test-api.ts';

export const adminUser: UserInfo = { name: 'admin', groups: ['system:masters', 'system:authenticated'] };

export interface HttpAnswer {
  readonly code: number;
  readonly text: string;
  readonly body: Record<string, unknown>;
  readonly warnings: readonly string[];
  readonly contentType: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly bytes: Buffer;
}

export interface TestHttp extends AsyncDisposable {
  readonly core: TestCore;
  /** The records for the audit log, oldest first. */
  readonly audited: readonly AnswerRecord[];
  send(
    method: string,
    url: string,
    body?: unknown,
    options?: { readonly contentType?: string; readonly accept?: string },
  ): Promise<HttpAnswer>;
}

export async function startTestHttp(
  namespaces?: readonly string[],
  policy?: AdmissionPolicy,
): Promise<TestHttp> {
  const core = await startTestCore(systemClock, namespaces, policy);
  await core.core.warm();
  const authorizer = createAuthorizer(core.core.snapshots);
  const audited: AnswerRecord[] = [];
  const app = createApp({
    core: core.core,
    authenticator: { authenticate: async () => ({ result: 'user', user: adminUser }) },
    authorizer,
    virtual: createAccessReviews({ core: core.core, authorizer }),
    tunnels: createTunnels({ clock: systemClock, logger: silentLogger }),
    logger: silentLogger,
    onAnswer: (record) => audited.push(record),
  });
  const client = createHttpClient(await app.listen({ host: '127.0.0.1', port: 0 }));
  return {
    core,
    audited,
    async send(method, url, body, { contentType = 'application/json', accept } = {}) {
      const payload =
        body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
      const headers = {
        ...(payload === undefined ? {} : { 'content-type': contentType }),
        ...(accept === undefined ? {} : { accept }),
      };
      const answer = await client.send({ method, url, headers, body: payload });
      const text = answer.bytes.toString('utf8');
      return {
        ...answer,
        text,
        body: parsed(text),
        contentType: answer.headers['content-type'] ?? '',
      };
    },
    async [Symbol.asyncDispose]() {
      client.close();
      await app[Symbol.asyncDispose]();
      await core[Symbol.asyncDispose]();
    },
  };
}

function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
