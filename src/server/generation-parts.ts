/** Parts of a control plane process that outlive its generations. */
import type { AuditLog } from '../api/http/audit.ts';
import type { Authority } from '../api/tls/authority.ts';
import type { Clock } from '../base/clock.ts';
import type { Config } from '../config/index.ts';
import type { DataDir } from './start/data-dir.ts';
import type { Logger } from '../base/logger.ts';
import type { Metrics } from './metrics/metrics.ts';
import type { RateLimits } from '../api/http/rate-limits.ts';
import type { Rng } from '../base/rng.ts';
import type { ServerTls } from '../api/tls/server-tls.ts';
import type { ServiceAccountTokens } from '../api/authn/service-account-tokens.ts';
import type { ServingCertificate } from './identity/serving-certificate.ts';
import type { TokenTable } from '../api/authn/token-table.ts';

export interface GenerationParts {
  readonly config: Config;
  readonly dataDir: DataDir;
  readonly redisUrl: string;
  readonly authority: Authority;
  readonly tls: ServerTls;
  readonly serving: ServingCertificate;
  readonly tokens: TokenTable;
  readonly serviceAccounts: ServiceAccountTokens;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly metrics: Metrics;
  readonly audit: AuditLog | undefined;
  readonly limits: RateLimits;
  readonly logger: Logger;
  /** Nodes that this process starts itself. */
  readonly ownNodes: readonly string[];
  /** False where the authority was made just now: no agent can have anything to restore. */
  readonly agentsMayExist: boolean;
  /** Told after each part of a start; tests fail there. */
  readonly onStep?: (() => void) | undefined;
}
