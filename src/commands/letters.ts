// Where dead letters go while a service runs.
import type { Config } from '../config.ts';
import { openLetterSender } from '../streams/dead-letters.kafka.ts';
import type { DeadLetterFile } from '../streams/ports.ts';
import { openClient } from './broker.ts';
import type { Operations } from './operations.ts';

interface LetterParts {
  readonly config: Config;
  readonly operations: Operations;
  readonly note: (message: string) => void;
}

/** Letters are counted; and go to the topic of kafka.dead_letters, too, before the file. */
export async function withTopic(
  file: DeadLetterFile,
  { config, operations, note }: LetterParts,
): Promise<DeadLetterFile> {
  const { deadLetters: topic, group: reader } = config.kafka;
  const sender = topic === null ? null : await openLetterSender(openClient(config, note), { topic, reader });
  return {
    async append(letters) {
      if (letters.length > 0) await sender?.bury(letters);
      operations.countDeadLetters(letters);
      return file.append(letters);
    },
    close: async () => sender?.close(),
  };
}
