/** A hop that tries a connection. Pure. */
import { type AskOf, fail, type Hop, pass, type Probed, skip, type Verdict } from './hop.ts';

export interface ProbeJudgement {
  /** A refusal counts: it shows that the packet arrived. */
  readonly isAnyAnswer: boolean;
  readonly mend: string;
}

export function probeHop(name: string, subject: string, ask: AskOf<'probe'>, judgement: ProbeJudgement): Hop {
  return {
    name,
    subject,
    asks: [ask],
    assess(answers) {
      const answer = answers.probe(ask);
      return answer.ok ? judgeProbe(answer.value, judgement) : skip(`not asked: ${answer.why}`);
    },
  };
}

function judgeProbe({ ok, detail }: Probed, { isAnyAnswer, mend }: ProbeJudgement): Verdict {
  if (ok) return pass(detail);
  if (isAnyAnswer && detail.includes('connection refused')) return pass('reached; nothing listens there');
  return fail(detail, mend);
}

/** It fails where any hop before it is broken. */
export const wholeWay = (hop: Hop): Hop => ({ ...hop, isWhole: true });
