import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type BodyLimits, createBodyBudget, readBody } from '../../../src/api/http/read-body.ts';
import { isStatusError } from '../../../src/schemas/errors/status.ts';

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

interface Exchange {
  readonly client: ReturnType<typeof request>;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** A request whose head has arrived; the test sends its body. */
function begin(): Promise<Exchange> {
  return new Promise((resolve) => {
    const server = createServer((asked, response) => resolve({ client, request: asked, response }));
    let client: ReturnType<typeof request>;
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      client = request({ host: '127.0.0.1', port, method: 'POST' });
      client.on('error', () => undefined);
      client.flushHeaders();
    });
    stops.push(() => {
      server.close();
      server.closeAllConnections();
    });
  });
}

async function read(bytes: number, limits: BodyLimits): Promise<Exchange & { readonly body: Buffer }> {
  const exchange = await begin();
  const reading = readBody(exchange.request, exchange.response, limits);
  exchange.client.end(Buffer.alloc(bytes));
  return { ...exchange, body: await reading };
}

const closed = (response: ServerResponse): Promise<void> =>
  new Promise((resolve) => response.once('close', () => resolve()));

describe('a body', () => {
  it('is read up to the limit, and refused with 413 beyond it', async () => {
    expect((await read(1_000, { maxBytes: 1_000 })).body).toHaveLength(1_000);
    await expect(read(1_001, { maxBytes: 1_000 })).rejects.toSatisfy(
      (error: unknown) => isStatusError(error, 'RequestEntityTooLarge') && error.code === 413,
    );
  });

  it('is over once it is read: the end of its connection is no error any more', async () => {
    const { client, request: asked, response } = await begin();
    const listeners = asked.listenerCount('close');
    const reading = readBody(asked, response, { maxBytes: 1_000 });
    const left = new Promise((resolve) => asked.once('end', () => resolve(asked.listenerCount('close'))));
    client.end('a');
    await reading;
    expect(await left).toBe(listeners);
  });

  it('ends with its client', async () => {
    const { client, request: asked, response } = await begin();
    const reading = readBody(asked, response, { maxBytes: 1_000 });
    client.write('a');
    client.destroy();
    await expect(reading).rejects.toThrow('the client left');
  });
});

describe('the memory for bodies of clients without a name', () => {
  const refused = (error: unknown): boolean => isStatusError(error, 'TooManyRequests');

  it('is shared, and given back with the response', async () => {
    const limits = { maxBytes: 1_000, budget: createBodyBudget(1_000) };
    const first = await read(600, limits);
    await expect(read(600, limits)).rejects.toSatisfy(refused);
    const over = closed(first.response);
    first.response.end();
    await over;
    expect((await read(1_000, limits)).body).toHaveLength(1_000);
    await expect(read(1, limits)).rejects.toSatisfy(refused);
  });

  it('takes nothing for what is promised and never sent', async () => {
    const limits = { maxBytes: 1_000, budget: createBodyBudget(1_000) };
    for (let count = 0; count < 10; count += 1) {
      const { request: asked, response } = await begin();
      readBody(asked, response, limits).catch(() => undefined);
    }
    expect((await read(1_000, limits)).body).toHaveLength(1_000);
  });
});
