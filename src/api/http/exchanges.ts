/**
 * One request, from its head to its answer, on Node's own request and response. Reads come here straight from the socket;
 * requests with a body by way of fastify, which reads it once the door is passed (app.ts). Both take the same steps.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import { createAbort } from '../../base/abort.ts';
import { stopwatchMs } from '../../base/clock.ts';
import { andThen, type Eventually } from '../../base/eventually.ts';
import type { Logger } from '../../base/logger.ts';
import { systemRng } from '../../base/rng.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { badRequest } from '../../schemas/errors/status.ts';
import type { Authorizer } from '../../resources/authz/types.ts';
import type { ResourceCore } from '../../resources/resource-core.ts';
import type { ObjectAction } from '../../resources/subresources/types.ts';
import { answerHeaders, proxyRequest } from '../proxy/proxy-request.ts';
import { rewrittenAnswer } from '../proxy/rewrite-answer.ts';
import type { Tunnels } from '../tunnel.ts';
import type { Entered } from './access.ts';
import type { Attempt } from './answer-record.ts';
import { type Answer, statusAnswer } from './answers.ts';
import { statusOf } from './failures.ts';
import type { LiveSessions } from './live-sessions.ts';
import { errorEncoding } from './negotiation.ts';
import { type OtherRequestsOptions, serveOther } from './other-requests.ts';
import { streamLogs } from './pod-logs.ts';
import { listOptions } from './query-options.ts';
import type { RequestGate } from './request-gate.ts';
import { urlOf } from './request-url.ts';
import {
  answerContext,
  type ApiRequest,
  type RoutedRequest,
  serveResource,
  STREAMS,
} from './resource-requests.ts';
import { sendAnswer } from './send-answer.ts';
import { serveSymphony } from './symphony-resources.ts';
import { serveVirtual } from './virtual-requests.ts';
import { responseOutput, streamWatch, type WatchStream } from './watch-response.ts';

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly attempt: Attempt;
}

export interface Exchanges {
  /** From now on it is known of, and told of when it is over. */
  begin(request: IncomingMessage, response: ServerResponse): Exchange;
  /** Through the door; throws its refusals. */
  enter(exchange: Exchange): Eventually<Entered>;
  /** Resolves when the answer is on its way, a refusal included; never rejects. */
  answer(exchange: Exchange, entered: Entered, body: Buffer | undefined): Promise<void>;
  refuse(exchange: Pick<Exchange, 'request' | 'response'>, error: unknown): void;
  /** All of it, for a request that has no body to be read. */
  serve(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Ends watches and streams. */
  endStreams(): void;
}

export interface ExchangesOptions {
  readonly core: ResourceCore;
  readonly actions: readonly ObjectAction[];
  readonly authorizer: Authorizer;
  readonly tunnels: Tunnels;
  readonly others: OtherRequestsOptions;
  readonly gate: RequestGate;
  readonly live: LiveSessions;
  readonly logger: Logger;
}

type StoredRequest = RoutedRequest & { readonly virtual: undefined };

export function createExchanges(options: ExchangesOptions): Exchanges {
  const { core, actions, authorizer, tunnels, others, gate, live, logger } = options;
  const streams = new Set<WatchStream>();

  function dispatch(exchange: Exchange, entered: Entered, body: Buffer | undefined): Eventually<void> {
    const { request, response } = exchange;
    const { target, routed, url, user } = entered;
    const { method = 'GET', headers } = request;
    const send = (made: Eventually<Answer>, warnings?: readonly string[]): Eventually<void> =>
      andThen(made, (answer) => sendAnswer(request, response, answer, warnings));
    if (target.type === 'other') return send(serveOther(others, { method, url, headers, body }));
    const deprecation = routed?.stored?.custom?.deprecation ?? routed?.stored?.deprecation;
    const warnings: string[] = deprecation === undefined ? [] : [deprecation];
    const annotations = new Map<string, string>();
    exchange.attempt.annotations = annotations;
    const query = url.searchParams;
    const api: ApiRequest = { method, target, query, headers, body, user, warnings, annotations };
    if (!routed) return send(serveSymphony(core, authorizer, api), warnings);
    if (routed.virtual) return send(serveVirtual(routed, routed.virtual, api, core.clock.now()), warnings);
    const { subresource } = routed;
    if (subresource === 'proxy') return proxy(exchange, api, routed);
    if (subresource && STREAMS.includes(subresource)) return stream(exchange, entered, api, routed);
    if (routed.verb === 'watch') return watch(exchange, entered, api, routed);
    return send(serveResource(core, actions, api, routed), warnings);
  }

  async function watch(
    exchange: Exchange,
    entered: Entered,
    api: ApiRequest,
    { stored: kind }: StoredRequest,
  ): Promise<void> {
    const { request, response, attempt } = exchange;
    const { namespace, name } = api.target;
    const watched = listOptions(api.query, true);
    const byName = name === undefined ? {} : { fieldSelector: `metadata.name=${name}` };
    const stands = await streamWatch(
      {
        core,
        collection: { kind, namespace },
        options: { ...watched, ...byName },
        context: answerContext(core, api, kind),
        logger,
      },
      responseOutput(response, {}),
    );
    gate.started(request, attempt, response.statusCode);
    lookAfter(exchange, entered, stands);
  }

  async function proxy(
    { request, response }: Exchange,
    { target, method, headers, body }: ApiRequest,
    { stored }: StoredRequest,
  ): Promise<void> {
    const { namespace = '', name = '', proxyPath } = target;
    const { pathname, search } = new URL(request.url ?? '/', 'http://api');
    // Links of a page that was asked for without a slash would lead out of the pod.
    if (proxyPath === undefined && (method === 'GET' || method === 'HEAD')) {
      response.writeHead(301, { location: `${pathname}/${search}` }).end();
      return;
    }
    const abort = createAbort();
    response.on('close', () => abort.abort());
    const answered = await proxyRequest(
      { core, tunnels, rng: systemRng },
      {
        resource: stored.plural === 'services' ? 'services' : 'pods',
        namespace,
        name,
        path: `${proxyPath ?? '/'}${search}`,
        method,
        headers,
        body,
        signal: abort.signal,
      },
    );
    const prefix = proxyPath === undefined ? pathname : pathname.slice(0, pathname.length - proxyPath.length);
    const { headers: head, stages } = rewrittenAnswer(answerHeaders(answered.headers), prefix, headers.host);
    response.writeHead(answered.statusCode ?? 502, head);
    // A pod whose answer breaks off ends ours, a client that leaves ends the pod's.
    pipeline([answered, ...(method === 'HEAD' ? [] : stages), response], () => undefined);
  }

  async function stream(
    exchange: Exchange,
    entered: Entered,
    api: ApiRequest,
    { stored: kind, subresource }: StoredRequest,
  ): Promise<void> {
    const { response } = exchange;
    const { namespace, name = '' } = api.target;
    const pod = async (): Promise<KubeObject> => core.get({ kind, namespace, name });
    if (subresource !== 'log') {
      await pod();
      throw badRequest('Upgrade request required');
    }
    await streamLogs({ pod, podName: name, query: api.query, tunnels }, response);
    lookAfter(exchange, entered, { close: () => void response.destroy() });
  }

  /** What goes on after its request: ended with the server, and when its client may no longer. */
  function lookAfter({ response }: Exchange, { proof, user, routed }: Entered, stands: WatchStream): void {
    if (!routed || response.closed) return;
    streams.add(stands);
    const forget = live.add({ proof, user, attributes: routed.attributes, end: () => stands.close() });
    response.on('close', () => {
      streams.delete(stands);
      forget();
    });
  }

  const exchanges: Exchanges = {
    begin(request, response) {
      const attempt: Attempt = {};
      // Also where the client leaves early: then there is no answer to be told of.
      const beganAtMs = stopwatchMs();
      response.on('close', () => gate.over(request, attempt, response.statusCode, stopwatchMs() - beganAtMs));
      return { request, response, attempt };
    },
    enter: ({ request, attempt }) => gate.enter(request, urlOf(request.url), attempt),
    async answer(exchange, entered, body) {
      try {
        await dispatch(exchange, entered, body);
      } catch (error) {
        exchanges.refuse(exchange, error);
      }
    },
    refuse({ request, response }, error) {
      const status = statusOf(error, logger);
      // What has begun cannot be taken back: it must not look complete.
      if (response.headersSent) response.destroy();
      else sendAnswer(request, response, statusAnswer(status, errorEncoding(request.headers.accept)));
    },
    async serve(request, response) {
      const exchange = exchanges.begin(request, response);
      try {
        // Awaited only where there is something to wait for: most reads are answered in one go.
        const answering = andThen(exchanges.enter(exchange), (entered) =>
          dispatch(exchange, entered, undefined),
        );
        if (answering) await answering;
      } catch (error) {
        exchanges.refuse(exchange, error);
      }
    },
    endStreams() {
      for (const stands of streams) stands.close();
      streams.clear();
    },
  };
  return exchanges;
}
