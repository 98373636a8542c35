// Values by partition, for what is asked for with every record: no name (`partitionKey`) is made to find one.
import type { Place } from './ports.ts';

export class ByPlace<V> {
  readonly #topics = new Map<string, Map<number, V>>();

  get({ topic, partition }: Place): V | undefined {
    return this.#topics.get(topic)?.get(partition);
  }

  set({ topic, partition }: Place, value: V): void {
    const values = this.#topics.get(topic) ?? new Map<number, V>();
    this.#topics.set(topic, values.set(partition, value));
  }

  *values(): Generator<V> {
    for (const values of this.#topics.values()) yield* values.values();
  }
}
