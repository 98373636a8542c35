// The catalogue of log events: every line restill logs has one of these names. Never query text, never a user
// or session id, never a secret (promise 12).

export const logEvents = {
  'run.started': 'a command that trains has opened its data directory',
  'run.finished': 'it is done; the report follows',
  'run.lingering': 'it is done, but something was left open: it leaves all the same',
  'run.stopping': 'a stop was asked for; the step at hand is finished and a snapshot made',
  'run.failed': 'it ends with an error; code and message say which',
  'source.joined': 'the partitions that are read from now on: after the start, and after each rebalance',
  'source.rebalancing': 'the group changes; nothing is taken until it has been joined again',
  'source.gap': 'offsets that were deleted before they were read, passed over as kafka.on_gap says',
  'source.paused': 'partitions of which too much waits are fetched no more for now',
  'source.resumed': 'there is room for them again',
  'source.restarting': 'kafkajs connects anew, after an error',
  'source.away': 'no broker has answered for kafka.away_max',
  'source.back': 'one answers again',
  'source.unsettled': 'the group has not come to rest for three kafka.session_timeout',
  'source.uncommitted': 'a commit of the group failed; it is for lag tools only, the journal has the truth',
  'source.client': 'a warning of kafkajs',
  'groups.unsent':
    'groups were not sent to scorers; none are any more, unless it passes. The teacher is asked instead',
  'builder.fenced': 'another builder has taken a partition; whose it is takes it up again from its state',
  'ingest.ended': 'the source has ended; counts are final',
  'trainer.started': 'the trainer process is ready, at a cursor',
  'trainer.died': 'the trainer process died and is started again from the last generation, after a wait',
  'trainer.lost': 'it was given up: ingest goes on until the ring is full, nothing is learnt any more',
  'turn.finished': 'a turn of the schedule is done, with its figures',
  'generation.published': 'a generation is durable; the gate has decided',
  'gate.judged': 'the gate has judged a candidate: decision, reason, and the figures that it decided by',
  'admin.listening': 'health and metrics are served at an address',
  'serve.started': 'restill serve begins, with this data directory',
  'serve.listening': 'scores are given at an address',
  'serve.open': 'anybody who can reach the address is answered: it is not loopback, and there is no token',
  'serve.live': 'a generation answers from now on',
  'serve.candidate': 'a generation is ready to answer beside it, or to take over at once',
  'serve.refused': 'a generation is not to answer, for a reason; whoever answered goes on',
  'serve.disposed': 'the last request of a generation was answered, and its memory is given up',
  'serve.died': 'the process that scores with a generation ended unasked; it is started again',
  'serve.failed': 'a request could not be scored for a reason that is not its own, or the command ends so',
  'serve.stopping': 'a stop was asked for; what has come in is answered, nothing more is taken in',
  'serve.finished': 'all of it was answered, and all is closed',
  'generation.damaged': 'a generation failed its checksums and was set aside',
} as const;

/**
 * Fields that never reach a log, whoever hands them over: what people typed, who they are, what we were
 * trusted with.
 */
export const privateFields = [
  'query',
  'queryKey',
  'title',
  'summary',
  'text',
  'value',
  'key',
  'headers',
  'user',
  'userId',
  'session',
  'sessionId',
  'password',
  'secret',
  'token',
  'sasl',
  'authorization',
] as const;

export type LogEvent = keyof typeof logEvents;

/** Structured fields only: numbers, ids of our own, names of files. */
export type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  info(event: LogEvent, fields?: LogFields): void;
  error(event: LogEvent, fields?: LogFields): void;
}
