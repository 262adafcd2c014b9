/** Parts of Caddy's configuration that several of its renderers use. Pure. */
export type Json = Readonly<Record<string, unknown>>;

export const answer = (status: number, body = '', headers: Json = {}): Json => ({
  handler: 'static_response',
  status_code: status,
  body,
  headers,
});

export const subroute = (...routes: readonly Json[]): Json => ({ handler: 'subroute', routes });

/** Caddy puts values in the place of `{name}`: text of users is to stay as it is. */
export const literal = (text: string): string => text.replaceAll('{', '\\{');

export const escapePattern = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
