/**
 * Every wait can be ended, and no loop spins: `sleep` and waits for events take a signal, and a
 * loop that ends only by a signal or from inside pauses in each round.
 */
const PAUSES = [
  "CallExpression[callee.name='sleep']",
  // A promise that somebody else resolves: the loop waits for its next task.
  "AwaitExpression > NewExpression[callee.name='Promise']",
];
const withoutPause = PAUSES.map((pause) => `:not(:has(${pause}))`).join('');
const ENDLESS = [
  // A loop with an update counts its rounds.
  'ForStatement:not([test]):not([update])',
  'WhileStatement[test.value=true]',
  "WhileStatement[test.argument.property.name='aborted']",
  "WhileStatement[test.left.argument.property.name='aborted']",
];

const waits = [
  {
    selector: "CallExpression[callee.name='sleep'][arguments.length<3]",
    message:
      'Give the wait a signal, or `uninterrupted` of src/base/abort.ts where it is short and must not be cut',
  },
  {
    selector:
      "NewExpression[callee.name='Promise'] CallExpression[callee.name=/^set(Timeout|Interval|Immediate)$/]",
    message: 'Use sleep of src/base/clock.ts, with a signal',
  },
  {
    selector: 'CallExpression[callee.name=/^(once|on)$/][arguments.length=2]',
    message: 'Give the wait for an event a signal',
  },
  {
    selector:
      'ForOfStatement[await=true] > CallExpression.right[callee.property.name=/^(events|watch|logs)$/]:not(:has(Identifier[name=/[sS]ignal$/]))',
    message: 'Give the stream a signal',
  },
  ...ENDLESS.map((loop) => ({
    selector: `${loop}:has(:matches(AwaitExpression, ForOfStatement[await=true]))${withoutPause}`,
    message: 'Give the loop a bound in its head, or a pause (sleep) in each round',
  })),
];

module.exports = { waits };
