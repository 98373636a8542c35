// A round of the benchmark through the service: all requests, so many of them under way at a time.
import type { RankRequest } from './requests.ts';
import type { Service } from './service.ts';

export interface SideRound {
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Seconds of each request. */
  readonly latencies: readonly number[];
  /** Of the first request. */
  readonly scores: readonly number[];
}

export async function serviceRound(
  service: Service,
  requests: readonly RankRequest[],
  inFlight: number,
): Promise<SideRound> {
  const [start, cpu] = [performance.now(), service.cpuSeconds()];
  const latencies: number[] = [];
  let scores: readonly number[] = [];
  let next = 0;
  const client = async (): Promise<void> => {
    for (let i = next++; i < requests.length; i = next++) {
      const answer = await service.ask(requests[i]!);
      latencies.push(answer.seconds);
      if (i === 0) scores = answer.scores;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, client));
  const seconds = (performance.now() - start) / 1000;
  return { seconds, cpuSeconds: service.cpuSeconds() - cpu, latencies, scores };
}
