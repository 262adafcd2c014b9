/** The administrator's kubeconfig: server, authority and token in one private file. */
import { writePrivateFile } from '../../base/private-file.ts';

export interface KubeconfigInput {
  readonly server: string;
  readonly caPem: string;
  readonly token: string;
  readonly user?: string;
  readonly cluster?: string;
}

export function writeKubeconfig(path: string, input: KubeconfigInput): Promise<void> {
  const { server, caPem, token, user = 'admin', cluster = 'symphony' } = input;
  const lines = [
    'apiVersion: v1',
    'kind: Config',
    'clusters:',
    '- cluster:',
    `    certificate-authority-data: ${Buffer.from(caPem).toString('base64')}`,
    `    server: ${server}`,
    `  name: ${cluster}`,
    'contexts:',
    '- context:',
    `    cluster: ${cluster}`,
    `    user: ${user}`,
    `  name: ${cluster}`,
    `current-context: ${cluster}`,
    'preferences: {}',
    'users:',
    `- name: ${user}`,
    '  user:',
    `    token: ${token}`,
  ];
  return writePrivateFile(path, `${lines.join('\n')}\n`);
}
