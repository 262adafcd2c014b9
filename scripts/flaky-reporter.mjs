/**
 * Names the tests that passed only when they were repeated, at the end of a run. Only e2e tests are
 * repeated.
 */
export default class FlakyReporter {
  onTestRunEnd(modules) {
    const flaky = modules.flatMap((module) =>
      [...module.children.allTests()]
        .filter((test) => test.diagnostic()?.flaky)
        .map((test) => `  ${module.relativeModuleId}: ${test.fullName}`),
    );
    if (flaky.length > 0) process.stdout.write(`\nflaky (passed when repeated once):\n${flaky.join('\n')}\n`);
  }
}
