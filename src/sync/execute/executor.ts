/** The means of acting, which all reconciles share. */
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Registry } from '../../schemas/resource-kind.ts';
import type { Application } from '../../schemas/types.ts';
import type { CommitOptions } from '../../store/types.ts';
import type { ApplicationEvent } from '../plan/plan-application-events.ts';
import type { ApplicationWriter } from './application-writer.ts';

export interface Executor {
  readonly writer: ApplicationWriter;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly commitOptions: () => CommitOptions;
  /** Says something about an application as an event. */
  readonly tell: (about: Application, event: ApplicationEvent) => void;
}
