import type { ClientHttp2Stream } from 'node:http2';
import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { bridgeSession } from '../../../src/api/streams/remote-command.ts';
import type { SessionClient } from '../../../src/api/streams/session-client.ts';
import { createAsyncQueue } from '../../../src/base/async-queue.ts';
import { channels, createFrameReader, encodeFrame } from '../../../src/base/channel-frames.ts';
import type { ChannelMessage } from '../../../src/api/streams/channel-protocol.ts';
import { settle } from '../../support/fake-clock.ts';

const FRAME = encodeFrame(channels.stdout, Buffer.alloc(16 * 1024));

/** An agent that says as much as it is let, and counts. */
function endlessAgent(): {
  readonly stream: ClientHttp2Stream;
  readonly said: () => number;
  readonly heard: Buffer[];
} {
  let bytes = 0;
  const heard: Buffer[] = [];
  const stream = new Duplex({
    read() {
      bytes += FRAME.length;
      this.push(FRAME);
    },
    write(chunk: Buffer, _encoding, done) {
      heard.push(chunk);
      done();
    },
  });
  const asHttp2 = Object.assign(stream, { close: () => stream.destroy() }) as unknown as ClientHttp2Stream;
  return { stream: asHttp2, said: () => bytes, heard };
}

function clientWith(write: SessionClient['write']) {
  const queue = createAsyncQueue<ChannelMessage>();
  const finished: string[] = [];
  const client: SessionClient = {
    input: queue,
    write,
    async finish(status) {
      finished.push((JSON.parse(status.toString()) as { message: string }).message);
      queue.close();
    },
  };
  return { client, queue, finished };
}

describe('a session', () => {
  it('keeps next to nothing for a client that does not read', async () => {
    const agent = endlessAgent();
    const { client, queue } = clientWith(() => new Promise(() => undefined));
    void bridgeSession(client, agent.stream, new AbortController().signal);
    await settle(200);
    expect(agent.said()).toBeLessThan(256 * 1024);
    queue.close();
  });

  it('passes input on, and its end as an empty frame', async () => {
    const agent = endlessAgent();
    const { client, queue } = clientWith(() => new Promise(() => undefined));
    void bridgeSession(client, agent.stream, new AbortController().signal);
    queue.push({ type: 'data', channel: channels.stdin, content: Buffer.from('hello') });
    queue.push({ type: 'data', channel: channels.stdin, content: Buffer.alloc(0) });
    queue.push({ type: 'close', channel: channels.stdin });
    await settle(20);
    const frames = createFrameReader()(Buffer.concat(agent.heard));
    expect(frames.map(({ channel, content }) => [channel, content.toString()])).toEqual([
      [channels.stdin, 'hello'],
      [channels.stdin, ''],
    ]);
    queue.close();
  });

  it('tells the client why it is ended, even one that does not read', async () => {
    const agent = endlessAgent();
    const { client, finished } = clientWith(() => new Promise(() => undefined));
    const abort = new AbortController();
    void bridgeSession(client, agent.stream, abort.signal);
    await settle(5);
    abort.abort(new Error('the credential is no longer valid'));
    await settle(5);
    expect(finished[0]).toBe('the credential is no longer valid');
    expect(agent.stream.destroyed).toBe(true);
  });

  it('says so when the node was lost', async () => {
    const agent = endlessAgent();
    const { client, finished } = clientWith(() => settle(1));
    const done = bridgeSession(client, agent.stream, new AbortController().signal);
    await settle(2);
    agent.stream.destroy();
    await done;
    expect(finished).toHaveLength(1);
  });
});
