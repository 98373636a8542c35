// What the log says of the students that answer. Pure but for the log.
import type { ServingNews } from '../serving/ports.ts';
import type { Log } from '../telemetry.ts';

export function logServing(news: ServingNews, log: Log): void {
  switch (news.kind) {
    case 'live':
      return log.info('serve.live', {
        generation: news.model.generation,
        proven: news.proven,
        tookMs: Math.round(news.tookMs),
      });
    case 'candidate':
      return log.info('serve.candidate', { generation: news.model.generation, proven: news.proven });
    case 'refused':
      return log.error('serve.refused', { ...news.refusal });
    case 'disposed':
      return log.info('serve.disposed', { generation: news.generation });
    case 'died':
      return log.error('serve.died', { generation: news.generation, message: news.message });
  }
}
