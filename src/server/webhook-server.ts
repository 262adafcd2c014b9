/** `--webhook-listen`: webhooks alone, over plain HTTP, for a proxy that the forge reaches. */
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import { defaultConnectionLimits } from '../api/http/connection-limits.ts';
import { createListener } from '../api/http/listener.ts';
import { type BodyBudget, createBodyBudget, readBody } from '../api/http/read-body.ts';
import { createRateLimits, unlimited } from '../api/http/rate-limits.ts';
import {
  MAX_WEBHOOK_BYTES,
  type WebhookHandler,
  webhookAnswer,
  webhookProvider,
} from '../api/http/webhooks.ts';
import { urlOf } from '../api/http/request-url.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { listenFailure } from './start/listen-failure.ts';
import { isStatusError, type StatusError } from '../schemas/errors/status.ts';

/** Far above what forges send; a storm of one push's deliveries is taken and made one sync. */
const REQUESTS_PER_SECOND = 2_000;
const FORGES = { name: 'forges', groups: [] };

/** A forge sends its payload at once; a client that dribbles is cut off. */
const REQUEST_TIMEOUT_MS = 10_000;

export async function startWebhookServer(
  listen: { readonly host: string; readonly port: number },
  handler: WebhookHandler,
  logger: Logger,
  clock: Clock,
  requestsPerSecond = REQUESTS_PER_SECOND,
): Promise<AsyncDisposable> {
  const limits = createRateLimits({ ...unlimited, requestsPerSecond }, clock);
  /** All of them together: behind a proxy they come from one address. */
  const mayCome = (): boolean => {
    try {
      limits.checkRate(FORGES, '');
      return true;
    } catch {
      return false;
    }
  };
  const budget = createBodyBudget();
  const server = createServer(
    { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS },
    (request, response) => {
      if (!mayCome()) return send(response, 429, 'too many requests, please try again later\n');
      answer(request, response, handler, budget).catch((error: unknown) => {
        logger.warn({ error }, 'Cannot answer a webhook');
        response.destroy();
      });
    },
  );
  const listener = createListener(server, clock, defaultConnectionLimits.stopGraceMs);
  await listener.listen(listen).catch((error: unknown) => {
    throw listenFailure(error, '--webhook-listen', listen);
  });
  return listener;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  handler: WebhookHandler,
  budget: BodyBudget,
): Promise<void> {
  const provider = webhookProvider(pathOf(request));
  if (!provider) return send(response, 404, 'not found\n');
  const limits = { maxBytes: MAX_WEBHOOK_BYTES, budget };
  const body = await readBody(request, response, limits).catch((error: unknown): StatusError => {
    if (isStatusError(error)) return error;
    throw error;
  });
  if (!Buffer.isBuffer(body)) return send(response, body.code, `${body.message}\n`);
  const reply = await webhookAnswer(handler, provider, request.method ?? 'GET', request.headers, body);
  send(response, reply.code, reply.body);
}

/** Empty for what is no path. */
function pathOf({ url }: IncomingMessage): string {
  try {
    return urlOf(url).pathname;
  } catch {
    return '';
  }
}

function send(response: ServerResponse, status: number, body: string | Buffer): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' }).end(body);
}
