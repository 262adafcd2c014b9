/**
 * A message of a client → the bytes of its answer. The answer to a repeated message about the
 * cluster is kept until the names change; most clients differ only in the id.
 */
import type { KnownNames, Responder } from './respond.ts';
import { questionOf } from './forward/ask-server.ts';
import { type Forwarder, type KeptAnswer, questionOfQuery } from './forward/forwarder.ts';
import { renderForwarded } from './forward/forwarded-answer.ts';
import type { DnsRecord } from './answer-question.ts';
import { readAliasedRecords } from './forward/aliased-records.ts';
import { CODES, FLAGS } from './wire/constants.ts';
import { isQuery, MalformedMessage, type Query, readQuery } from './wire/read-message.ts';
import { type Response, type Transport, writeRefusal, writeResponse } from './wire/write-message.ts';

export interface QueryAnswererOptions {
  readonly respond: Responder;
  readonly names: Pick<KnownNames, 'version'>;
  readonly forwarder: Forwarder;
}

/** Undefined: a message that gets no answer. */
export type AnswerQuery = (
  message: Buffer,
  transport: Transport,
  client: string,
) => Buffer | Promise<Buffer | undefined> | undefined;

/** Answers of so many different messages are kept. */
const MOST_KEPT = 16_384;
/** A longer message is rare. */
const MOST_KEY_BYTES = 300;
/** Orders of the addresses that clients get in turn. */
const MOST_ORDERS = 16;

interface Kept {
  readonly orders: readonly Buffer[];
  next: number;
}

export function createQueryAnswerer({ respond, names, forwarder }: QueryAnswererOptions): AnswerQuery {
  const kept = new Map<string, Kept>();
  let keptVersion = names.version;

  function fromKept(key: string, message: Buffer): Buffer | undefined {
    if (keptVersion !== names.version) {
      kept.clear();
      keptVersion = names.version;
    }
    const found = kept.get(key);
    if (!found) return undefined;
    const answer = Buffer.from(found.orders[found.next]!);
    found.next = (found.next + 1) % found.orders.length;
    message.copy(answer, 0, 0, 2);
    return answer;
  }

  function keep(key: string, orders: readonly Buffer[]): void {
    if (key.length > MOST_KEY_BYTES) return;
    if (kept.size >= MOST_KEPT) kept.clear();
    kept.set(key, { orders, next: 1 % orders.length });
  }

  return (message, transport, client) => {
    if (!isQuery(message)) return undefined;
    const key = `${transport}${message.toString('latin1', 2)}`;
    const known = fromKept(key, message);
    if (known) return known;
    let query: Query;
    try {
      query = readQuery(message);
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error;
      return writeRefusal(message, 'FORMERR');
    }
    const reply = respond(query);
    switch (reply.type) {
      case 'bytes':
        return reply.bytes;
      case 'answer': {
        const orders = ordersOf(reply.response).map((response) => writeResponse(query, response, transport));
        keep(key, orders);
        return orders[0]!;
      }
      case 'forward':
        if (forwarder.catchesOwn(query.name)) return fail(query, transport);
        return forward(query, transport, client);
      case 'alias':
        return follow(query, reply.records, reply.target, transport, client);
    }
  };

  function forward(query: Query, transport: Transport, client: string): Buffer | Promise<Buffer> {
    // A server asks others only for clients that want it to (RFC 1034 §4.3.1).
    if ((query.flags & FLAGS.recursionDesired) === 0)
      return writeResponse(query, { code: 'REFUSED', ttl: 0, isAuthoritative: false }, transport);
    const question = questionOfQuery(query);
    const known = forwarder.known(question);
    if (known) return render(query, known, transport);
    return forwarder.ask(question, client).then((found) => render(query, found, transport));
  }

  async function follow(
    query: Query,
    records: readonly DnsRecord[],
    target: string,
    transport: Transport,
    client: string,
  ): Promise<Buffer> {
    const question = { ...questionOfQuery(query), name: target, question: questionOf(target, query.type) };
    const found = forwarder.known(question) ?? (await forwarder.ask(question, client));
    const code = found && found.answer.flags & FLAGS.code;
    const answers = [...records, ...(found ? readAliasedRecords(found.answer) : [])];
    return writeResponse(
      query,
      {
        code: code === CODES.NOERROR ? 'NOERROR' : code === CODES.NXDOMAIN ? 'NXDOMAIN' : 'SERVFAIL',
        ttl: found ? Math.max(0, found.answer.keepSeconds - found.ageSeconds) : 0,
        answers: found ? answers : [],
      },
      transport,
    );
  }
}

const fail = (query: Query, transport: Transport): Buffer =>
  writeResponse(query, { code: 'SERVFAIL', ttl: 0, isAuthoritative: false }, transport);

const render = (query: Query, found: KeptAnswer | undefined, transport: Transport): Buffer =>
  found ? renderForwarded(found.answer, query, transport, found.ageSeconds) : fail(query, transport);

/** Each address comes first in turn, as clients take the first. */
function ordersOf(response: Response): readonly Response[] {
  const { answers = [] } = response;
  const canTurn = answers.length > 1 && answers.every(({ type }) => type === 'A' || type === 'AAAA');
  if (!canTurn) return [response];
  return Array.from({ length: Math.min(answers.length, MOST_ORDERS) }, (_, turn) => ({
    ...response,
    answers: [...answers.slice(turn), ...answers.slice(0, turn)],
  }));
}
