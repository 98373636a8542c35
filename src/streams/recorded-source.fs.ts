// Recorded topics: files of envelopes (recording.fs.ts), read by a thread of their own, because ingest keeps
// this one busy (docs/decisions/0016-reading-thread.md). There is one such thread a process, started when it
// is first needed.
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import type { Config } from '../config.ts';
import { threadEntry } from '../sibling.ts';
import type { Source } from './ports.ts';
import { ReadingThread } from './reading-client.fs.ts';
import type { RemoteRecording } from './remote-recording.ts';

/**
 * Opens all files at once. In which order they are named does not matter.
 * @throws RestillError INPUT_UNREADABLE if one of them is not there, is a directory or may not be read
 */
export async function openRecordedSource(
  paths: readonly string[],
  { bytesMax }: Pick<Config['records'], 'bytesMax'>,
): Promise<Source> {
  const thread = readingThread();
  const recordings: RemoteRecording[] = [];
  try {
    for (const path of [...paths].sort()) recordings.push(await thread.open(path, bytesMax));
  } catch (error) {
    await Promise.all(recordings.map((recording) => recording.close()));
    throw error;
  }
  const total = (of: (recording: RemoteRecording) => number): number =>
    recordings.reduce((sum, recording) => sum + of(recording), 0);
  return {
    kind: 'recorded',
    inputs: recordings.length,
    read: (input) => recordings[input]!.read(),
    progress: () => ({ bytesRead: total((r) => r.bytesRead), bytesTotal: total((r) => r.bytesTotal) }),
    close: async () => {
      await Promise.all(recordings.map((recording) => recording.close()));
    },
  };
}

let running: ReadingThread | null = null;

function readingThread(): ReadingThread {
  if (running === null || running.isDead) running = new ReadingThread(startThread());
  return running;
}

/**
 * The launcher asks for a young generation that is right for ingest. To this thread it would be 256 MiB more
 * for nothing, and V8 does not let the limits of one thread overrule that. What runs already keeps its own.
 */
function startThread(): Worker {
  for (const limit of ['min', 'max']) setFlagsFromString(`--${limit}-semi-space-size=8`);
  return new Worker(threadEntry(import.meta.url, './reading-thread.fs'), { execArgv: [], name: 'reading' });
}
