import { describe, expect, it } from 'vitest';
import { storeError } from '../../../src/store/redis/connect.ts';
import { StoreUnavailable } from '../../../src/store/types.ts';

const reply = (message: string): Error => Object.assign(new Error(message), { name: 'ReplyError' });

describe('an error of the Redis client', () => {
  it.each([
    'WRONGPASS invalid username-password pair or user is disabled.',
    'NOAUTH Authentication required.',
    "NOPERM User u has no permissions to run the 'info' command",
    'ERR AUTH <password> called without any password configured for the default user.',
  ])('is a store that is away where the server refuses us: %s', (message) => {
    const error = storeError(reply(message));
    expect(error).toBeInstanceOf(StoreUnavailable);
    expect(error).toMatchObject({ message: `Cannot use Redis: ${message}`, isUnanswered: false });
  });

  it('is a defect where the server does not understand us', () => {
    expect(storeError(reply('ERR unknown command'))).not.toBeInstanceOf(StoreUnavailable);
  });

  it.each([
    new Error('Command timed out'),
    Object.assign(new Error('x'), { name: 'MaxRetriesPerRequestError' }),
  ])('says why there is no connection: %s', (cause) => {
    expect(storeError(cause, false, 'connect ECONNREFUSED 10.0.0.1:6379').message).toBe(
      'Cannot use Redis: it cannot be reached: connect ECONNREFUSED 10.0.0.1:6379',
    );
    expect(storeError(cause, false).message).toBe('Cannot use Redis: it does not answer');
  });
});
