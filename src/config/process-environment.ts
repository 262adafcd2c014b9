/** The environment of child processes and of the container client. */

/** Variables that git and ssh need; nothing else is handed on. */
const GIT_VARIABLES = ['PATH', 'HOME', 'SSH_AUTH_SOCK', 'SSL_CERT_FILE', 'SSL_CERT_DIR'] as const;

export function gitProcessEnvironment(): Readonly<Record<string, string>> {
  return Object.fromEntries(
    GIT_VARIABLES.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** The engine that the Docker command line would use. */
export function defaultDockerHost(): string {
  return process.env['DOCKER_HOST'] || 'unix:///var/run/docker.sock';
}
