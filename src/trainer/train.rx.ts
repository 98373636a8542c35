// The conductor of the trainer: ask for a turn, run it, report it. What is asked for and what comes of it are
// pure (schedule.ts, turn.ts); here is only the order of things, the breath between steps, and the stop.
import { type BehaviorSubject, filter, firstValueFrom, from, type Observable } from 'rxjs';
import { breathe, type Clock } from '../clock.ts';
import type { Manifest } from '../contract.ts';
import type { FromTrainer, TrainerSummary, TurnKind } from '../protocol.ts';
import { evaluateTurn, firstPoint, prequentialTest } from './evaluate.ts';
import type { RemoteTeacher } from './grading.ts';
import { remoteScoreTurn } from './remote-score.ts';
import { advance, type Decision, decide } from './schedule.ts';
import { scoreTurn } from './score.ts';
import { addPoint, enter } from './state.ts';
import {
  type Block,
  closeSums,
  distillTurn,
  finetuneTurn,
  pretrainTurn,
  type Steps,
  type Workshop,
} from './turn.ts';

/** What the daemon has told the trainer so far. */
export interface Orders {
  readonly high: number;
  readonly ended: boolean;
  /** The ring has been retired up to here. */
  readonly retired: number;
  readonly stopping: boolean;
}

export interface TrainPorts {
  readonly clock: Clock;
  /** Grades in place of the workshop's teacher; null: that one does. */
  readonly remote: RemoteTeacher | null;
  /** Stores a generation of the workshop as it stands, through the gate. */
  publish(shop: Workshop, scheduled: boolean): Promise<Manifest>;
  summarise(shop: Workshop, seconds: Readonly<Record<TurnKind, number>>): TrainerSummary;
}

/** Messages for the daemon until the source has ended, or until a stop was ordered. Errors end it. */
export function train$(
  shop: Workshop,
  ports: TrainPorts,
  orders$: BehaviorSubject<Orders>,
): Observable<FromTrainer> {
  return from(conduct(shop, ports, orders$));
}

type TurnDecision = Extract<Decision, { kind: 'turn' }>;

async function* conduct(
  shop: Workshop,
  ports: TrainPorts,
  orders$: BehaviorSubject<Orders>,
): AsyncGenerator<FromTrainer> {
  const rhythm = shop.config.turns;
  const seconds = noSeconds();
  let saved = shop.state.position;
  if (shop.state.curve.length === 0) addPoint(shop.state, firstPoint(shop));
  for (;;) {
    const orders = orders$.value;
    if (orders.stopping) {
      if (shop.state.position !== saved)
        yield { kind: 'generation', manifest: await ports.publish(shop, false) };
      return;
    }
    const decision = decide(shop.state.position, orders, rhythm);
    if (decision.kind === 'finish') {
      yield { kind: 'finished', summary: ports.summarise(shop, seconds) };
      return;
    }
    if (decision.kind === 'wait') {
      await firstValueFrom(orders$.pipe(filter((o) => o.stopping || o.ended || o.high >= decision.until)));
      continue;
    }
    const startedMs = ports.clock.elapsed();
    const finished = yield* runTurn(shop, ports, orders$, decision);
    const took = (ports.clock.elapsed() - startedMs) / 1000;
    seconds[decision.turn] += took;
    if (!finished) continue;
    if (decision.turn === 'SNAPSHOT') saved = shop.state.position;
    yield turnReport(shop, decision, took);
  }
}

/** Runs one turn; false when a stop cut it short between two steps. */
async function* runTurn(
  shop: Workshop,
  ports: TrainPorts,
  orders$: BehaviorSubject<Orders>,
  decision: TurnDecision,
): AsyncGenerator<FromTrainer, boolean> {
  const { turn } = decision;
  await breathe();
  if (turn === 'SNAPSHOT') {
    complete(shop, decision);
    const manifest = await ports.publish(shop, true);
    yield { kind: 'generation', manifest };
    // The memory must hold what it will hold on a restart from this generation, before anything samples it.
    await firstValueFrom(orders$.pipe(filter((o) => o.stopping || o.retired >= manifest.cursor)));
    return true;
  }
  if (turn === 'EVALUATE') {
    evaluateTurn(shop, decision);
  } else {
    if (turn === 'SCORE') prequentialTest(shop, decision);
    const finished = ports.remote
      ? yield* withRemote(shop, ports.remote, orders$, turn, decision)
      : yield* stepByStep(shop, orders$, turn, decision);
    if (!finished) return false;
  }
  complete(shop, decision);
  return true;
}

type SteppedTurn = Exclude<TurnKind, 'EVALUATE' | 'SNAPSHOT'>;

async function* stepByStep(
  shop: Workshop,
  orders$: BehaviorSubject<Orders>,
  turn: SteppedTurn,
  block: Block,
): AsyncGenerator<FromTrainer, boolean> {
  for (const { done, of } of stepwise(shop, turn, block)) {
    yield { kind: 'progress', turn, cursor: block.from, done, of };
    await breathe();
    if (orders$.value.stopping && done < of) return false;
  }
  return true;
}

/** A remote teacher learns elsewhere. It may take minutes to answer: a stop does not wait for it. */
async function* withRemote(
  shop: Workshop,
  teacher: RemoteTeacher,
  orders$: BehaviorSubject<Orders>,
  turn: SteppedTurn,
  block: Block,
): AsyncGenerator<FromTrainer, boolean> {
  if (turn === 'PRETRAIN' || turn === 'FINETUNE') return true;
  if (turn === 'DISTILL') return yield* stepByStep(shop, orders$, turn, block);
  const stop = new AbortController();
  const stopping = orders$.pipe(filter((o) => o.stopping)).subscribe(() => stop.abort());
  try {
    const steps = remoteScoreTurn(shop, block, teacher, stop.signal);
    for (;;) {
      const { done: isOver, value } = await steps.next();
      if (isOver) return value;
      yield { kind: 'progress', turn, cursor: block.from, ...value };
    }
  } finally {
    stopping.unsubscribe();
  }
}

function stepwise(shop: Workshop, turn: SteppedTurn, block: Block): Steps {
  switch (turn) {
    case 'PRETRAIN':
      return pretrainTurn(shop, block);
    case 'FINETUNE':
      return finetuneTurn(shop, block);
    case 'SCORE':
      return scoreTurn(shop, block);
    case 'DISTILL':
      return distillTurn(shop, block);
  }
}

/** The bookkeeping when a turn is done; the last thing that changes the state. */
function complete(shop: Workshop, { turn, from: first, to }: TurnDecision): void {
  const { state, config } = shop;
  Object.assign(state.figures, closeSums(state, turn));
  if (turn === 'FINETUNE' && config.teacher.kind === 'embedded') state.teacherVersion++;
  if (turn === 'DISTILL') {
    const fresh = shop.journal.read(first, to).filter((group) => !group.holdout);
    enter(state.provenance, fresh);
  }
  state.turns[turn]++;
  state.position = advance(state.position, { turn, to }, config.turns);
}

function turnReport(shop: Workshop, { turn }: TurnDecision, seconds: number): FromTrainer {
  const { position, optimizerSteps, figures, curve } = shop.state;
  const steps = optimizerSteps.pretrain + optimizerSteps.finetune + optimizerSteps.distill;
  const shown = turn === 'EVALUATE' ? curve.at(-1)!.figures : figures;
  return {
    kind: 'turn',
    report: {
      kind: turn,
      cycle: position.cycle,
      cursor: position.cursor,
      steps,
      seconds,
      figures: { ...shown },
    },
  };
}

const noSeconds = (): Record<TurnKind, number> => ({
  PRETRAIN: 0,
  FINETUNE: 0,
  SCORE: 0,
  DISTILL: 0,
  EVALUATE: 0,
  SNAPSHOT: 0,
});
