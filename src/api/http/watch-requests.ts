/** Watches: as lines of one answer, or as messages of a WebSocket. */
import type { Logger } from '../../base/logger.ts';
import { firstBytes } from '../../base/text.ts';
import type { ResourceCore } from '../../resources/resource-core.ts';
import { acceptWebSocket } from '../streams/web-sockets.ts';
import { answerContext, type StoredRequest } from './api-request.ts';
import { statusOf } from './failures.ts';
import { collectionOf } from './object-requests.ts';
import type { Outlet, UpgradeOutlet } from './outlets.ts';
import { listOptions } from './query-options.ts';
import { responseOutput, streamWatch, type WatchRequest, webSocketOutput } from './watch-response.ts';

const INTERNAL_ERROR = 1011;
/** A close frame carries no more (RFC 6455, 5.5); the library refuses longer reasons. */
const MAX_CLOSE_REASON_BYTES = 123;

function watchOf(core: ResourceCore, logger: Logger, request: StoredRequest): WatchRequest {
  const { name } = request.target;
  const byName = name === undefined ? {} : { fieldSelector: `metadata.name=${name}` };
  return {
    core,
    collection: collectionOf(request),
    options: { ...listOptions(request.query, true), ...byName },
    context: answerContext(request, request.routed.kind),
    logger,
  };
}

export async function watchObjects(
  core: ResourceCore,
  logger: Logger,
  request: StoredRequest,
  { response, stands }: Outlet,
): Promise<undefined> {
  const stream = await streamWatch(watchOf(core, logger, request), responseOutput(response));
  stands(() => stream.close());
}

export async function watchOverWebSocket(
  core: ResourceCore,
  logger: Logger,
  request: StoredRequest,
  outlet: UpgradeOutlet,
): Promise<void> {
  const wanted = watchOf(core, logger, request);
  const socket = await acceptWebSocket(outlet, '');
  socket.on('error', () => socket.terminate());
  try {
    const stream = await streamWatch(wanted, webSocketOutput(socket));
    outlet.stands(() => stream.close());
  } catch (error) {
    const { message = '' } = statusOf(error, logger);
    socket.close(INTERNAL_ERROR, firstBytes(message, MAX_CLOSE_REASON_BYTES));
  }
}
