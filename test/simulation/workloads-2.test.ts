import { describeSeeds } from './seeds.ts';

describeSeeds('workloads', 1, 2);
