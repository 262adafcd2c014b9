import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { STORIES } from './deliberate-differences.ts';
import { judgeStory } from './judge-story.ts';

const fixtures = join(import.meta.dirname, '..', '..', 'fixtures', 'facts', 'stories');
const stories = readdirSync(fixtures).filter((name) => STORIES.test(name));

describe('the recorded behaviour of Kubernetes 1.36', () => {
  it.each(stories)('is repeated in %s', async (name) => {
    expect(await judgeStory(join(fixtures, name))).toEqual([]);
  });
});
