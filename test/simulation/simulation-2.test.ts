import { describeSeeds } from './seeds.ts';

describeSeeds('deployments', 1, 2);
