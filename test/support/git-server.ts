/**
 * A real Git server over HTTP (`git http-backend` behind node:http) and helpers to make
 * repositories and commits.
 */
import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const ENVIRONMENT = {
  PATH: process.env['PATH'],
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'A Developer',
  GIT_AUTHOR_EMAIL: 'dev@example.com',
  GIT_COMMITTER_NAME: 'A Developer',
  GIT_COMMITTER_EMAIL: 'dev@example.com',
};

export async function git(directory: string, ...args: string[]): Promise<string> {
  const { stdout } = await run('git', args, {
    cwd: directory,
    env: ENVIRONMENT,
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}

export interface TestRepository extends AsyncDisposable {
  /** The developer's clone. */
  readonly work: string;
  /** The bare repository that is served. */
  readonly bare: string;
  /** Writes files (null removes), commits and pushes; returns the commit's id. */
  commit(files: Readonly<Record<string, string | null>>, message?: string): Promise<string>;
  /** Adds a symbolic link to the next commit. */
  link(path: string, target: string): Promise<void>;
  git(...args: string[]): Promise<string>;
}

export async function createTestRepository(): Promise<TestRepository> {
  const root = await mkdtemp(join(tmpdir(), 'symphony-git-'));
  const bare = join(root, 'served.git');
  const work = join(root, 'work');
  await mkdir(bare);
  await git(bare, 'init', '--quiet', '--bare', '--initial-branch=main');
  await git(bare, 'config', 'http.receivepack', 'true');
  await git(root, 'clone', '--quiet', bare, work);
  await git(work, 'checkout', '--quiet', '-B', 'main');
  return {
    work,
    bare,
    async commit(files, message = 'Change manifests') {
      for (const [path, text] of Object.entries(files)) {
        const file = join(work, path);
        if (text === null) await rm(file, { force: true });
        else {
          await mkdir(dirname(file), { recursive: true });
          await writeFile(file, text);
        }
      }
      await git(work, 'add', '--all');
      await git(work, 'commit', '--quiet', '--allow-empty', '-m', message);
      await git(work, 'push', '--quiet', '--force', 'origin', 'HEAD:main');
      return (await git(work, 'rev-parse', 'HEAD')).trim();
    },
    async link(path, target) {
      await mkdir(dirname(join(work, path)), { recursive: true });
      await symlink(target, join(work, path));
    },
    git: (...args) => git(work, ...args),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  };
}

export interface GitServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`; a repository is at `<url>/<name>.git`. */
  readonly url: string;
  /** Requests seen, as `METHOD path`. */
  readonly requests: readonly string[];
  /** When set, requests without this basic authentication get 401. */
  requireAuth(credentials: { readonly username: string; readonly password: string } | undefined): void;
  /** When set, every request is redirected there. */
  redirectTo(url: string | undefined): void;
}

/**
 * Serves the bare repositories below a folder, for reading and pushing; at a socket in a file where
 * one is named.
 */
export async function startGitServer(folder: string, socket?: string): Promise<GitServer> {
  const requests: string[] = [];
  let authorization: string | undefined;
  let redirect: string | undefined;
  const server: Server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    requests.push(`${request.method ?? ''} ${url.pathname}`);
    if (redirect !== undefined)
      return void response.writeHead(302, { location: redirect + url.pathname + url.search }).end();
    if (authorization !== undefined && request.headers.authorization !== authorization) {
      return void response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
    }
    const child = spawn('git', ['http-backend'], {
      env: {
        ...ENVIRONMENT,
        GIT_PROJECT_ROOT: folder,
        GIT_HTTP_EXPORT_ALL: '1',
        REMOTE_USER: 'test',
        PATH_INFO: url.pathname,
        QUERY_STRING: url.search.slice(1),
        REQUEST_METHOD: request.method,
        CONTENT_TYPE: request.headers['content-type'] ?? '',
        HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
        GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    request.pipe(child.stdin);
    child.stdin.on('error', () => undefined);
    let head = Buffer.alloc(0);
    let begun = false;
    child.stdout.on('data', (chunk: Buffer) => {
      if (begun) return void response.write(chunk);
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      begun = true;
      let status = 200;
      for (const line of head.toString('latin1', 0, end).split('\r\n')) {
        const colon = line.indexOf(':');
        const [name, value] = [line.slice(0, colon), line.slice(colon + 1).trim()];
        if (name.toLowerCase() === 'status') status = Number(value.split(' ')[0]);
        else response.setHeader(name, value);
      }
      response.writeHead(status);
      response.write(head.subarray(end + 4));
    });
    child.on('close', () => response.end());
  });
  await new Promise<void>((resolve) => {
    if (socket === undefined) server.listen(0, '127.0.0.1', resolve);
    else server.listen(socket, resolve);
  });
  return {
    url: socket ?? `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    requireAuth(credentials) {
      authorization =
        credentials &&
        `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`;
    },
    redirectTo: (url) => void (redirect = url),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
