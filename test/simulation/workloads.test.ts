import { describeSeeds } from './seeds.ts';

describeSeeds('workloads', 0, 2);
