import { describe, expect, it } from 'vitest';
import { createScope, openScope } from '../../src/base/scope.ts';

describe('parts that are ended together', () => {
  const part = (name: string, ended: string[], fails = false): AsyncDisposable => ({
    async [Symbol.asyncDispose]() {
      ended.push(name);
      if (fails) throw new Error(`Cannot end ${name}`);
    },
  });

  it('end in reverse order, whatever their form', async () => {
    const ended: string[] = [];
    const parts = createScope();
    parts.use(part('first', ended));
    parts.use({ [Symbol.dispose]: () => void ended.push('second') });
    parts.defer(() => ended.push('third'));
    await parts[Symbol.asyncDispose]();
    expect(ended).toEqual(['third', 'second', 'first']);
  });

  it('end once, however often they are asked', async () => {
    const ended: string[] = [];
    const parts = createScope();
    parts.use(part('only', ended));
    await Promise.all([parts[Symbol.asyncDispose](), parts[Symbol.asyncDispose]()]);
    expect(ended).toEqual(['only']);
  });

  it('all end although some cannot, and say so', async () => {
    const ended: string[] = [];
    const parts = createScope();
    for (const name of ['a', 'b', 'c']) parts.use(part(name, ended, name !== 'a'));
    await expect(parts[Symbol.asyncDispose]()).rejects.toMatchObject({ errors: [{}, {}] });
    expect(ended).toEqual(['c', 'b', 'a']);
  });

  it('end when the start fails half way, and the cause of the failure is told', async () => {
    const ended: string[] = [];
    const starting = openScope((parts) => {
      parts.use(part('a', ended));
      parts.use(part('b', ended, true));
      throw new Error('Cannot start c');
    });
    await expect(starting).rejects.toThrow('Cannot start c');
    expect(ended).toEqual(['b', 'a']);
  });

  it('stay while the start succeeds', async () => {
    const ended: string[] = [];
    const whole = await openScope(async (parts) => ({ a: parts.use(part('a', ended)) }));
    expect(ended).toEqual([]);
    await whole[Symbol.asyncDispose]();
    expect(ended).toEqual(['a']);
  });

  it('end at once when they come after the end', async () => {
    const ended: string[] = [];
    const parts = createScope();
    await parts[Symbol.asyncDispose]();
    parts.use(part('late', ended));
    await parts[Symbol.asyncDispose]();
    expect(ended).toEqual(['late']);
  });

  it('end although the result of the start is one of them', async () => {
    const ended: string[] = [];
    const whole = await openScope(async (parts) => parts.use(part('a', ended)));
    await whole[Symbol.asyncDispose]();
    expect(ended).toEqual(['a']);
  });
});
