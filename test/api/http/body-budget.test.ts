import { PassThrough, type Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { createBodyBudget } from '../../../src/api/http/body-budget.ts';
import { isStatusError } from '../../../src/schemas/errors/status.ts';

function bodyOf(bytes: number): Readable {
  const body = new PassThrough();
  body.end(Buffer.alloc(bytes));
  return body;
}
const refused = (error: unknown): boolean => isStatusError(error, 'TooManyRequests');

describe('the memory for bodies of the unknown', () => {
  it('is shared, and given back', async () => {
    const budget = createBodyBudget(1_000);
    const first = budget.meter(bodyOf(600));
    expect(await buffer(first.metered)).toHaveLength(600);
    await expect(buffer(budget.meter(bodyOf(600)).metered)).rejects.toSatisfy(refused);
    first.giveBack();
    first.giveBack();
    const third = budget.meter(bodyOf(1_000));
    expect(await buffer(third.metered)).toHaveLength(1_000);
    await expect(buffer(budget.meter(bodyOf(1)).metered)).rejects.toSatisfy(refused);
  });

  it('takes nothing for what is promised and never sent', async () => {
    const budget = createBodyBudget(1_000);
    for (let count = 0; count < 100; count += 1) budget.meter(new PassThrough());
    expect(await buffer(budget.meter(bodyOf(1_000)).metered)).toHaveLength(1_000);
  });

  it('ends with its client', async () => {
    const body = new PassThrough();
    const { metered } = createBodyBudget().meter(body);
    body.destroy(new Error('gone'));
    await expect(buffer(metered)).rejects.toThrow('gone');
  });
});
