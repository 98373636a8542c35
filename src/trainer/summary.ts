// What the trainer says at the end: the figures of the whole run, and every ranker beside the floors.
import type { GenerationId } from '../contract.ts';
import type { TrainerSummary, TurnKind } from '../protocol.ts';
import { qualityTables, scoreSet } from './evaluate.ts';
import type { EvaluationSet } from './evaluation.ts';
import type { ModelState } from './models.ts';
import { stepsTaken } from './state.ts';
import type { Workshop } from './turn.ts';

export function summarise(o: {
  readonly shop: Workshop;
  readonly studentAtStart: ModelState;
  readonly seconds: Readonly<Record<TurnKind, number>>;
  readonly generation: GenerationId | null;
  readonly weightsSha256: { readonly student: string; readonly teacher: string };
}): TrainerSummary {
  const { shop } = o;
  const { state } = shop;
  return {
    cursor: state.position.cursor,
    steps: stepsTaken(state),
    stepsRefused: state.stepsRefused,
    turns: { ...state.turns },
    generation: o.generation,
    weightsSha256: o.weightsSha256,
    teacherVersion: state.teacherVersion,
    quality: qualityTables(shop, state.position.cursor, (set) => before(shop, o.studentAtStart, set)),
    curve: [...state.curve],
    seconds: o.seconds,
  };
}

/** Scores of the student as it was at the start; its present weights come back afterwards. */
function before({ student, ...shop }: Workshop, atStart: ModelState, set: EvaluationSet): Float32Array {
  const now = student.state();
  student.restore({ weights: atStart.weights, moments: new Map() });
  try {
    return scoreSet({ student, ...shop }, set);
  } finally {
    student.restore(now);
  }
}
