// Every error a user can meet: code -> meaning -> disposition. The runbook and the exit codes follow this
// table.

/**
 * - `retry`: transient, try again later.
 * - `reject`: a bad record; dead-letter it and go on.
 * - `rollback`: a bad update or generation; the last good one stays.
 * - `halt`: stop and say what to do. Wrong input of the operator, or our bug.
 */
export type Disposition = 'retry' | 'reject' | 'rollback' | 'halt';

interface Entry {
  readonly meaning: string;
  readonly disposition: Disposition;
  /** Process exit code where the error ends a command. */
  readonly exit: number;
}

/**
 * Exit codes: 0 done, 1 our bug, 2 usage or config, 3 input data, 4 state on disk, 5 environment, 130
 * interrupted.
 */
const table = {
  BUG: { meaning: 'an assertion of restill failed', disposition: 'halt', exit: 1 },
  USAGE: { meaning: 'the command line is wrong', disposition: 'halt', exit: 2 },
  CONFIG_INVALID: { meaning: 'the configuration does not fit its schema', disposition: 'halt', exit: 2 },
  INPUT_UNREADABLE: {
    meaning: 'an input file is missing, damaged or truncated',
    disposition: 'halt',
    exit: 3,
  },
  RECORD_MALFORMED: { meaning: 'a record could not be decoded', disposition: 'reject', exit: 3 },
  RECORD_TOO_LARGE: { meaning: 'a record is larger than records.bytes_max', disposition: 'reject', exit: 3 },
  OFFSET_GAP: { meaning: 'offsets are missing from the topic', disposition: 'halt', exit: 3 },
  KAFKA_UNREACHABLE: { meaning: 'no broker can be reached', disposition: 'retry', exit: 5 },
  KAFKA_DENIED: {
    meaning: 'the broker refuses the user, the password or what they ask for',
    disposition: 'halt',
    exit: 5,
  },
  KAFKA_UNTRUSTED: { meaning: "the broker's certificate is not to be trusted", disposition: 'halt', exit: 5 },
  KAFKA_TOPIC_UNKNOWN: { meaning: 'the broker has no such topic', disposition: 'halt', exit: 3 },
  TOPIC_UNSUITED: {
    meaning: 'a topic between the roles is not as it has to be',
    disposition: 'halt',
    exit: 3,
  },
  KAFKA_UNSETTLED: {
    meaning: 'the consumer group does not come to rest',
    disposition: 'retry',
    exit: 5,
  },
  GROUP_SHARED: {
    meaning: 'another process is in a consumer group that must have one',
    disposition: 'halt',
    exit: 5,
  },
  KAFKA_FAILED: { meaning: 'the connection to Kafka ended for good', disposition: 'halt', exit: 5 },
  SECRET_UNREADABLE: {
    meaning: 'a secret is not where the configuration says',
    disposition: 'halt',
    exit: 2,
  },
  JOURNAL_DAMAGED: { meaning: 'a journal entry fails its checksum', disposition: 'halt', exit: 4 },
  JOURNAL_FOREIGN: {
    meaning: 'the journal was written for another topic or config',
    disposition: 'halt',
    exit: 4,
  },
  JOURNAL_ENDED: {
    meaning: 'a replay brought the journal to its end, and something was to come after it',
    disposition: 'halt',
    exit: 4,
  },
  JOURNAL_AHEAD: {
    meaning: 'the journal no longer holds what the newest usable generation would learn next',
    disposition: 'halt',
    exit: 4,
  },
  JOURNAL_LOCKED: { meaning: 'another process uses this data directory', disposition: 'halt', exit: 4 },
  GENERATION_DAMAGED: { meaning: 'a generation fails its checksums', disposition: 'rollback', exit: 4 },
  GENERATION_FOREIGN: {
    meaning: 'a generation was made with another config or other models',
    disposition: 'halt',
    exit: 4,
  },
  GENERATION_UNKNOWN: { meaning: 'no such generation', disposition: 'halt', exit: 4 },
  AUDIT_DAMAGED: { meaning: 'the audit of promotions was changed', disposition: 'halt', exit: 4 },
  STORE_WRITE_FAILED: { meaning: 'the data directory cannot be written', disposition: 'halt', exit: 4 },
  STORE_READ_FAILED: { meaning: 'the data directory cannot be read', disposition: 'halt', exit: 4 },
  MODEL_UNSUPPORTED: {
    meaning: 'a model directory asks for something restill does not have',
    disposition: 'halt',
    exit: 3,
  },
  MODEL_DAMAGED: { meaning: 'a model file is damaged', disposition: 'halt', exit: 3 },
  MODEL_NOT_CACHED: { meaning: 'a model is not in the Hugging Face cache', disposition: 'halt', exit: 3 },
  HUB_REFUSED: { meaning: 'a model hub does not give what was asked for', disposition: 'halt', exit: 3 },
  HUB_UNREACHABLE: { meaning: 'a model hub cannot be reached', disposition: 'retry', exit: 5 },
  BUCKET_REFUSED: {
    meaning: 'an object store does not take or give what it was asked to',
    disposition: 'halt',
    exit: 5,
  },
  BUCKET_UNREACHABLE: { meaning: 'an object store does not answer', disposition: 'retry', exit: 5 },
  PACKAGE_MISSING: { meaning: 'an optional package is not installed', disposition: 'halt', exit: 5 },
  SERVER_UNREACHABLE: { meaning: 'a model server does not answer', disposition: 'retry', exit: 5 },
  SERVER_UNSUITED: {
    meaning: 'a model server does not speak the protocol it was asked in',
    disposition: 'halt',
    exit: 3,
  },
  VERIFY_FAILED: {
    meaning: 'a bundle or a server does not give the golden scores',
    disposition: 'halt',
    exit: 3,
  },
  QUALITY_LOST: { meaning: 'eight bits cost more quality than is allowed', disposition: 'halt', exit: 3 },
  TEACHER_UNREACHABLE: { meaning: 'a remote teacher does not answer', disposition: 'retry', exit: 5 },
  TEACHER_REFUSED: {
    meaning: 'a remote teacher does not give what was asked for',
    disposition: 'halt',
    exit: 3,
  },
  BACKEND_MISSING: { meaning: 'native TensorFlow is not set up', disposition: 'halt', exit: 5 },
  BACKEND_FAILED: { meaning: 'TensorFlow refused an operation', disposition: 'halt', exit: 5 },
  NON_FINITE: { meaning: 'a loss or gradient is not a finite number', disposition: 'rollback', exit: 1 },
  SHAPE_MISMATCH: { meaning: 'a tensor has the wrong shape', disposition: 'halt', exit: 1 },
  TRAINER_DIED: { meaning: 'the trainer process ended unexpectedly', disposition: 'retry', exit: 5 },
  TRAINER_GIVEN_UP: {
    meaning: 'the trainer process died more often than trainer.restarts_max allows',
    disposition: 'halt',
    exit: 5,
  },
  TRAINER_STUCK: {
    meaning: 'the trainer process meets the same failure at the same group each time',
    disposition: 'halt',
    exit: 5,
  },
  DRAIN_TIMED_OUT: { meaning: 'a stop took longer than its drain_deadline', disposition: 'halt', exit: 5 },
  SERVE_BUSY: { meaning: 'more waits to be scored than serve holds', disposition: 'retry', exit: 5 },
  SERVE_NOT_READY: { meaning: 'no student is there to answer yet', disposition: 'retry', exit: 5 },
  SERVE_ENGINE_DIED: {
    meaning: 'the process that scores ended unexpectedly',
    disposition: 'retry',
    exit: 5,
  },
  ENGINE_MISSING: { meaning: 'onnxruntime is not installed', disposition: 'halt', exit: 5 },
  GENERATION_UNPROVEN: {
    meaning: 'a student does not give the scores that training computed',
    disposition: 'rollback',
    exit: 4,
  },
  GENERATION_SLOW: {
    meaning: 'a generation takes longer to load than serve.load_deadline',
    disposition: 'rollback',
    exit: 4,
  },
  SERVE_TEXT_TOO_LONG: {
    meaning: 'a text is longer than the student reads, and must not be cut',
    disposition: 'reject',
    exit: 3,
  },
  LISTEN_FAILED: { meaning: 'an address cannot be listened on', disposition: 'halt', exit: 5 },
} as const satisfies Record<string, Entry>;

export type ErrorCode = keyof typeof table;
export const errorTable: Readonly<Record<ErrorCode, Entry>> = table;

/** The message says what was found, what was expected and what to do next. */
export class RestillError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause: unknown }) {
    super(message, options);
    this.name = 'RestillError';
    this.code = code;
  }

  get disposition(): Disposition {
    return table[this.code].disposition;
  }

  get exitCode(): number {
    return table[this.code].exit;
  }
}

/** For our own mistakes only: stays on in production, always halts, is never caught to go on. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new RestillError('BUG', `${message}; this is a bug in restill, please report it`);
}
