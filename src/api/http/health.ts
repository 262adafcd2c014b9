/** `/livez`, `/readyz`, `/healthz`: named checks with reasons; `/livez/NAME` is one of them. */
import { errorMessage } from '../../base/errors.ts';
import { type Answer, textAnswer } from './answers.ts';

export interface HealthCheck {
  readonly name: string;
  /** Throws when unhealthy; the message is shown. */
  check(): void | Promise<void>;
}

const PING: HealthCheck = { name: 'ping', check: () => undefined };

/** One check on its own; undefined where there is none of that name. */
export async function checkAnswer(
  checks: readonly HealthCheck[],
  wanted: string,
): Promise<Answer | undefined> {
  const found = [PING, ...checks].find(({ name }) => name === wanted);
  if (!found) return undefined;
  try {
    await found.check();
    return textAnswer(200, 'ok');
  } catch (error) {
    return textAnswer(500, `internal server error: ${errorMessage(error)}\n`);
  }
}

export async function healthAnswer(
  endpoint: string,
  checks: readonly HealthCheck[],
  query: URLSearchParams,
): Promise<Answer> {
  const excluded = new Set(query.getAll('exclude'));
  const results = await Promise.all(
    [PING, ...checks].map(async ({ name, check }) => {
      if (excluded.has(name)) return { name, line: `[+]${name} excluded: ok`, healthy: true };
      try {
        await check();
        return { name, line: `[+]${name} ok`, healthy: true };
      } catch (error) {
        return { name, line: `[-]${name} failed: ${errorMessage(error)}`, healthy: false };
      }
    }),
  );
  const healthy = results.every((result) => result.healthy);
  if (healthy && !query.has('verbose')) return textAnswer(200, 'ok');
  const verdict = `${endpoint} check ${healthy ? 'passed' : 'failed'}`;
  return textAnswer(
    healthy ? 200 : 500,
    `${[...results.map((result) => result.line), verdict].join('\n')}\n`,
  );
}
