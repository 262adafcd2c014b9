/** Nginx has 60 s for both. A dead endpoint is given up early, so that another one is tried. */
export const CONNECT_TIMEOUT_MS = 1_000;
export const RESPONSE_TIMEOUT_MS = 60_000;
