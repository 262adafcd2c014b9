/** Certificates for localhost that only tests trust; their keys protect nothing. */
import { readFileSync } from 'node:fs';

const fixture = (name: string): string =>
  readFileSync(new URL(`../fixtures/client/${name}`, import.meta.url), 'utf8');

export const testTls = {
  ca: fixture('server.cert.pem'),
  cert: fixture('server.cert.pem'),
  key: fixture('server.key.pem'),
  /** An authority that signed nothing of ours. */
  strangerCa: fixture('stranger.cert.pem'),
};
