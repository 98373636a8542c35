// Recorded topics: files of envelopes (recording.fs.ts), read by a thread of their own, because ingest keeps
// this one busy (docs/decisions/0016-reading-thread.md). There is one such thread a process, started when it
// is first needed.
import type { Config } from '../config.ts';
import type { Source } from './ports.ts';
import { ReadingThread } from './reading-client.fs.ts';
import type { RemoteRecording } from './remote-recording.ts';
import { startThread } from './thread.fs.ts';

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
  if (running === null || running.isDead)
    running = new ReadingThread(startThread(import.meta.url, './reading-thread.fs', { name: 'reading' }));
  return running;
}
