/** `/webhooks/PROVIDER`: passes the raw body to the handler, which checks its signature. */
import type { IncomingHttpHeaders } from 'node:http';
import { textAnswer } from './answers.ts';

export type WebhookProvider = 'github' | 'gitlab' | 'gitea' | 'bitbucket';

export interface WebhookResult {
  readonly status: number;
  readonly message: string;
}

export type WebhookHandler = (
  provider: WebhookProvider,
  headers: IncomingHttpHeaders,
  rawBody: Buffer,
) => WebhookResult | Promise<WebhookResult>;

/** A large push makes a long webhook. */
export const MAX_WEBHOOK_BYTES = 25 * 1024 * 1024;

const PROVIDERS: readonly string[] = ['github', 'gitlab', 'gitea', 'bitbucket'];

export function webhookProvider(path: string): WebhookProvider | undefined {
  const name = /^\/webhooks\/([a-z]+)$/.exec(path)?.[1];
  return name !== undefined && PROVIDERS.includes(name) ? (name as WebhookProvider) : undefined;
}

export async function webhookAnswer(
  handler: WebhookHandler | undefined,
  provider: WebhookProvider,
  method: string,
  headers: IncomingHttpHeaders,
  body: Buffer | undefined,
): Promise<ReturnType<typeof textAnswer>> {
  if (!handler) return textAnswer(404, 'webhooks are not configured: --webhook-secret-file turns them on\n');
  if (method !== 'POST') return textAnswer(405, 'a webhook is a POST\n');
  const { status, message } = await handler(provider, headers, body ?? Buffer.alloc(0));
  return textAnswer(status, `${message}\n`);
}
