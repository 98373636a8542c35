// The SCORE turn with a remote teacher. What the server answers is not ours to repeat: with it, two runs of
// one topic end with the same bits only if the same model gave the same scores.
import { RestillError } from '../errors.ts';
import type { RemoteTeacher } from './grading.ts';
import { planScores, settleScores } from './score.ts';
import type { Block, StepDone, Workshop } from './turn.ts';

/** A model that is replaced while it scores is asked again from the start, so often. */
const attemptsMax = 3;

/**
 * As `scoreTurn`. A model id that is not the last one is a new teacher version.
 *
 * @returns false where it was aborted: then it has left no trace.
 * @throws RestillError TEACHER_UNREACHABLE, TEACHER_REFUSED
 */
export async function* remoteScoreTurn(
  shop: Workshop,
  block: Block,
  teacher: RemoteTeacher,
  signal: AbortSignal,
): AsyncGenerator<StepDone, boolean> {
  const { state } = shop;
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const model = await teacher.identify(signal);
    if (model === null) return false;
    const version = state.teacherVersion + (model === state.teacherModel ? 0 : 1);
    const plan = planScores(shop, block, version);
    const scores = yield* teacher.grade([...plan.wanted.values()], signal);
    const modelAfter = scores && (await teacher.identify(signal));
    if (modelAfter === null) return false;
    if (modelAfter !== model) continue;
    state.teacherModel = model;
    state.teacherVersion = version;
    settleScores(shop, plan, scores!);
    return true;
  }
  throw new RestillError(
    'TEACHER_UNREACHABLE',
    `the remote teacher changed its model while it scored, ${attemptsMax} times in a row; ` +
      'give teacher.remote.url a server that serves one',
  );
}
