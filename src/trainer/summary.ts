// What the trainer says at the end: the figures of the whole run, and every ranker beside the floors.
import type { GenerationId } from '../contract.ts';
import type { TrainerSummary, TurnKind } from '../protocol.ts';
import { qualityTables, scoreSet, withStudent } from './evaluate.ts';
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
    quality: qualityTables(shop, state.position.cursor, (set) =>
      withStudent(shop, o.studentAtStart, () => scoreSet(shop, set)),
    ),
    curve: [...state.curve],
    seconds: o.seconds,
  };
}
