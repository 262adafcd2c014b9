import { describeSeeds } from './seeds.ts';

describeSeeds('deployments', 0, 2);
