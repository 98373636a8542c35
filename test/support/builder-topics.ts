// The topics between builders and trainer in memory, with the fences of a broker.
import type { Handing } from '../../src/streams/builder.ts';
import { type Restored, StateReader, stateMessages } from '../../src/streams/changelog.ts';
import { encodeHandover } from '../../src/streams/handover.ts';

/** Lets a request arrive at the broker, or its answer here, when it wants to. */
export type Travel = (what: string) => Promise<void>;

const atOnce: Travel = () => Promise.resolve();

/** As committed readers see them. */
export class Topics {
  readonly pages: string[][];
  readonly #state: StateReader[];
  /** By partition: how often it was fenced. The newest one may hand over. */
  readonly #epochs: number[];
  #offset = 0;

  constructor(partitions: number) {
    this.pages = Array.from({ length: partitions }, () => []);
    this.#state = Array.from({ length: partitions }, () => new StateReader());
    this.#epochs = Array.from({ length: partitions }, () => 0);
  }

  /** Of one builder. */
  handing(travel: Travel = atOnce): Handing {
    const epochs = new Map<number, number>();
    const fenceOne = async (partition: number, isOver: () => boolean): Promise<void> => {
      if (isOver()) return;
      await travel(`fence of ${partition}`);
      epochs.set(partition, ++this.#epochs[partition]!);
      await travel(`fenced ${partition}`);
    };
    return {
      fence: async (own, isOver) => {
        epochs.clear();
        await Promise.all(own.map((partition) => fenceOne(partition, isOver)));
      },
      restore: async (own) => {
        await travel('restore');
        return new Map(own.flatMap((partition) => withState(partition, this.#state[partition]!.restored())));
      },
      hand: async (partition, built) => {
        await travel(`hand ${partition}`);
        if (epochs.get(partition) !== this.#epochs[partition]) return false;
        this.pages[partition]!.push(
          ...built.handovers.map(({ timestampMs, handover }) => `${timestampMs} ${encodeHandover(handover)}`),
        );
        for (const { key, value } of stateMessages(built))
          this.#state[partition]!.take({ topic: 'state', partition, offset: this.#offset++, key, value });
        await travel(`handed ${partition}`);
        return true;
      },
    };
  }
}

const withState = (partition: number, restored: Restored | null): [number, Restored][] =>
  restored === null ? [] : [[partition, restored]];
