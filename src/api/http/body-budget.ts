/**
 * Memory for the bodies of those who have not said who they are (webhooks: the signature is over the whole body, so that it has
 * to be read first). Shared by all of them, and counted as bytes arrive: who promises much and sends little takes little.
 */
import { Transform, type Readable } from 'node:stream';
import { failure } from '../../schemas/errors/status.ts';

export interface BodyBudget {
  /** The same bytes, counted; fails with 429 when there is no room. `giveBack` when they are needed no more. */
  meter(body: Readable): { readonly metered: Readable; giveBack(): void };
}

/** Four of the largest webhooks at the same time, or hundreds of usual ones. */
const MAX_UNKNOWN_BYTES = 100 * 1024 * 1024;

export function createBodyBudget(maxBytes = MAX_UNKNOWN_BYTES): BodyBudget {
  let held = 0;
  return {
    meter(body) {
      let own = 0;
      let over = false;
      const metered = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          if (over || held + chunk.length > maxBytes)
            return done(failure(429, 'TooManyRequests', 'Too many bodies at once, please try again later.'));
          held += chunk.length;
          own += chunk.length;
          done(null, chunk);
        },
      });
      body.on('error', (error) => metered.destroy(error));
      body.pipe(metered);
      return {
        metered,
        giveBack() {
          over = true;
          held -= own;
          own = 0;
        },
      };
    },
  };
}
