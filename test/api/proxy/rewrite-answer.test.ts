import { gzipSync } from 'node:zlib';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it } from 'vitest';
import { rewriteHtml, rewriteLink } from '../../../src/api/proxy/rewrite-links.ts';
import { rewrittenAnswer } from '../../../src/api/proxy/rewrite-answer.ts';

const PREFIX = '/api/v1/namespaces/a/pods/b/proxy';
const HOST = 'api:6443';
const HOSTS = [HOST, '10.244.0.5:8080'];

describe('a link of a pod', () => {
  it.each([
    ['/a', `${PREFIX}/a`],
    ['/', `${PREFIX}/`],
    ['/a/?q=/b#/c', `${PREFIX}/a/?q=/b#/c`],
    [`${PREFIX}/a`, `${PREFIX}/a`],
    [`${PREFIX}x`, `${PREFIX}${PREFIX}x`],
    ['a/b', 'a/b'],
    ['../a', '../a'],
    ['#a', '#a'],
    ['', ''],
    ['https://example.com/a', 'https://example.com/a'],
    ['//example.com/a', '//example.com/a'],
    [`https://${HOST}/a`, `${PREFIX}/a`],
    [`https://${HOST}`, `${PREFIX}/`],
    [`http://${HOST}?a=b`, `${PREFIX}/?a=b`],
    ['http://10.244.0.5:8080/a', `${PREFIX}/a`],
    ['http://10.244.0.6:8080/a', 'http://10.244.0.6:8080/a'],
    ['mailto:a@b', 'mailto:a@b'],
    ['javascript:a("/b")', 'javascript:a("/b")'],
  ])('%s becomes %s', (link, rewritten) => {
    expect(rewriteLink(link, PREFIX, HOSTS)).toBe(rewritten);
  });

  it.each([
    ['<a href="/a">/a</a>', `<a href="${PREFIX}/a">/a</a>`],
    ["<A HREF='/a'>", `<A HREF='${PREFIX}/a'>`],
    ['<a href=/a>', `<a href="${PREFIX}/a">`],
    ['<img alt="href=/x > y" src="/a.png"/>', `<img alt="href=/x > y" src="${PREFIX}/a.png"/>`],
    ['<form method=post action = "/a">', `<form method=post action = "${PREFIX}/a">`],
    ['<a data-href="/a">', '<a data-href="/a">'],
    ['if (a < b) href="/c"', 'if (a < b) href="/c"'],
  ])('in %s is found', (html, rewritten) => {
    expect(rewriteHtml(html, PREFIX, HOSTS)).toBe(rewritten);
  });
});

async function through(headers: Record<string, string>, chunks: readonly Buffer[]): Promise<string> {
  const { stages } = rewrittenAnswer(headers, PREFIX, HOSTS);
  const out: Buffer[] = [];
  await pipeline([
    Readable.from(chunks),
    ...stages,
    async function* (source: AsyncIterable<Buffer>) {
      for await (const chunk of source) out.push(Buffer.from(chunk));
      yield '';
    },
  ] as unknown as NodeJS.ReadableStream[]);
  return Buffer.concat(out).toString();
}

describe('an answer of a pod', () => {
  const html = { 'content-type': 'text/html; charset=utf-8' };

  it('is rewritten however its bytes are cut', async () => {
    const page = Buffer.from('<p>ä</p><a title="ö > ü" href="/a">x</a> 1 < 2');
    const expected = `<p>ä</p><a title="ö > ü" href="${PREFIX}/a">x</a> 1 < 2`;
    for (let at = 1; at < page.length; at += 1) {
      // A tag that is cut behind a sign ">" in its text is not recognised as one: links stay as
      // they are.
      const text = await through(html, [page.subarray(0, at), page.subarray(at)]);
      expect([expected, page.toString()]).toContain(text);
    }
    expect(await through(html, [page])).toBe(expected);
  });

  it('is decompressed before, and loses its length', async () => {
    const headers = { ...html, 'content-encoding': 'gzip', 'content-length': '9' };
    expect(await through(headers, [gzipSync('<a href="/a">')])).toBe(`<a href="${PREFIX}/a">`);
    expect(rewrittenAnswer(headers, PREFIX, HOSTS).headers).toEqual(html);
  });

  it('of another type goes on as it is', () => {
    const headers = { 'content-type': 'application/json', 'content-length': '9', 'content-encoding': 'gzip' };
    expect(rewrittenAnswer(headers, PREFIX, HOSTS)).toEqual({ headers, stages: [] });
  });

  it('has its redirect led back through the proxy', () => {
    const headers = { location: '/login' };
    expect(rewrittenAnswer(headers, PREFIX, HOSTS).headers).toEqual({ location: `${PREFIX}/login` });
  });
});
