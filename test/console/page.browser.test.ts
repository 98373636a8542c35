// The page in a real Chromium: it loads nothing from elsewhere and says nothing on its console; no violation
// of accessibility that axe-core calls serious, in light, dark and on a phone, full and empty; the keyboard
// alone reaches a promotion; hostile names and reasons stay text; it fits a phone; it asks nothing while
// nobody looks.
import axe from 'axe-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ConsoleParts, Shelf } from '../../src/console/ports.ts';
import type { GenerationId } from '../../src/contract.ts';
import {
  type ConsoleUnderTest,
  chromiumPath,
  lengthScorer,
  manifestOf,
  openChromium,
  openTestConsole,
  operatorToken,
} from '../support/console.ts';

const path = chromiumPath();
let chromium: Browser | null = null;
beforeAll(async () => {
  if (path !== null) chromium = await openChromium(path);
});
afterAll(() => chromium?.close());

const opened: (ConsoleUnderTest | { close(): Promise<void> })[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

const point = (cursor: number, ndcg10: number) => ({
  cursor,
  steps: cursor,
  figures: { 'judgments.student.ndcg10': ndcg10, 'judgments.bm25.ndcg10': 0.5 },
});

const three: Shelf = {
  live: 'g000002' as GenerationId,
  before: 'g000001' as GenerationId,
  manifests: [1, 2, 3].map((number) => manifestOf(number)),
  curve: [point(0, 0.4), point(1000, 0.5), point(2000, 0.6)],
};

const desktop: BrowserContextOptions = { viewport: { width: 1280, height: 900 }, colorScheme: 'light' };
const phone: BrowserContextOptions = { viewport: { width: 390, height: 800 }, isMobile: true };

interface Look {
  readonly page: Page;
  readonly console: ConsoleUnderTest;
  /** What the browser complained of, and what it asked for elsewhere. */
  readonly complaints: string[];
}

async function look(
  given: Partial<ConsoleParts> & { on?: Shelf } = {},
  context: BrowserContextOptions = desktop,
  { clock = false }: { clock?: boolean } = {},
): Promise<Look> {
  const console = await openTestConsole({ on: three, scorer: lengthScorer, ...given });
  opened.push(console);
  fill(console);
  const session = await chromium!.newContext({ reducedMotion: 'reduce', ...context });
  opened.push(session);
  const page = await session.newPage();
  if (clock) await page.clock.install();
  const complaints: string[] = [];
  page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    if (!request.url().startsWith(console.address)) complaints.push(`asked for ${request.url()}`);
  });
  await page.goto(`${console.address}/`);
  return { page, console, complaints };
}

function fill({ board }: ConsoleUnderTest): void {
  const at = { topic: 'clicks', partition: '0' };
  board.set('restill_source_lag_records', 1234, at);
  board.set('restill_source_paused', 1, at);
  board.set('restill_journal_groups', 50);
  board.set('restill_journal_capacity_groups', 200);
  board.set('restill_trainer_up', 1);
  board.set('restill_label_age_versions', 2);
  board.add('restill_trainer_turn_seconds_total', 12, { turn: 'DISTILL' });
}

/** Of impact serious or critical, as axe-core says it. */
async function violations(page: Page): Promise<string[]> {
  // By the debugger, not by a script tag: the page's policy lets none in.
  await page.evaluate(axe.source);
  const found = await page.evaluate<{
    violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[];
  }>('axe.run()');
  return found.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary}`));
}

describe.skipIf(path === null)('the page', () => {
  it('shows how things stand, and complains of nothing', async () => {
    const { page, complaints } = await look();
    await page.getByRole('heading', { name: 'Live generation' }).waitFor();
    const text = await page.locator('body').textContent();
    for (const shown of ['g000002', 'Ready', '1,234', '25 %', 'paused', '+0.020', 'nDCG@10'])
      expect(text).toContain(shown);
    await page.locator('.chart canvas').waitFor();
    expect(await page.locator('.chart [role=img]').getAttribute('aria-label')).toContain('student 0.600');
    await page.getByText('groups learnt', { exact: true }).first().waitFor();
    expect(complaints).toEqual([]);
  });

  it.each([
    ['light', desktop, three],
    ['dark', { ...desktop, colorScheme: 'dark' }, three],
    ['a phone', phone, three],
    ['a phone, dark', { ...phone, colorScheme: 'dark' }, three],
    ['empty', desktop, { live: null, before: null, manifests: [], curve: [] }],
  ] as const)('has no serious violation of accessibility: %s', async (_, context, on) => {
    const { page, complaints } = await look({ on }, context);
    await page.getByRole('heading', { name: 'Try it' }).waitFor();
    expect(await violations(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it('fits a phone: only tables scroll sideways, within themselves', async () => {
    const { page } = await look({}, phone);
    await page.locator('.chart canvas').waitFor();
    const [wide, shown] = await page.evaluate<[number, number]>(
      '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
    );
    expect(wide).toBe(shown);
  });

  it('says why it is not ready, and what is missing', async () => {
    const { page } = await look({
      on: { live: null, before: null, manifests: [], curve: [] },
      scorer: null,
      operator: { closed: 'no admin.token is configured' },
      readiness: () => ({
        ready: false,
        state: 'DEGRADED',
        obstacles: [{ code: 'TRAINER_GIVEN_UP', message: 'died 6 times' }],
      }),
    });
    await page.getByText('TRAINER_GIVEN_UP').waitFor();
    const text = await page.locator('body').textContent();
    for (const said of [
      'Not ready',
      'died 6 times',
      'None yet',
      'no admin.token is configured',
      'restill serve',
    ])
      expect(text).toContain(said);
  });
});

describe.skipIf(path === null)('what an operator does', () => {
  it('is done by the keyboard alone', async () => {
    const { page, console } = await look();
    await page.getByRole('heading', { name: 'Generations' }).waitFor();
    const focused = () => page.evaluate('document.activeElement?.getAttribute("aria-label") ?? ""');
    for (let steps = 0; (await focused()) !== 'Promote g000003'; steps++) {
      expect(steps).toBeLessThan(40);
      await page.keyboard.press('Tab');
    }
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.type('Ada');
    await page.keyboard.press('Tab');
    await page.keyboard.type('better by hand');
    await page.keyboard.press('Tab');
    await page.keyboard.type('wrong');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText("operator's token").waitFor();
    expect(await violations(page)).toEqual([]);
    await page.getByLabel("Operator's token").fill(operatorToken);
    await page.keyboard.press('Enter');
    await page.getByText('g000003 is live.').waitFor();
    expect(console.deeds).toEqual(['promote g000003 by Ada: better by hand']);
    await page.getByRole('button', { name: 'Roll back to g000002' }).waitFor();
  });

  it('is called off with Escape', async () => {
    const { page, console } = await look();
    await page.getByRole('button', { name: 'Roll back to g000001' }).click();
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(console.deeds).toEqual([]);
  });
});

describe.skipIf(path === null)('the box to try', () => {
  it('shows both orders, with scores and what moved', async () => {
    const { page } = await look();
    await page.getByLabel('Query').fill('lamp');
    await page.getByLabel('Documents, one a line').fill('a lamp\n\nthe longest document\nmiddling one');
    await page.getByRole('button', { name: 'Rank' }).click();
    const rankings = page.locator('.ranking');
    await rankings.nth(1).waitFor();
    expect(await rankings.nth(0).locator('.text').allInnerTexts()).toEqual([
      'the longest document',
      'middling one',
      'a lamp',
    ]);
    expect(await rankings.nth(0).locator('.score').allInnerTexts()).toEqual(['16.000', '8.000', '2.000']);
    expect(await rankings.nth(1).locator('.move .unseen').allInnerTexts()).toEqual(['up 2', 'down 2']);
  });
});

describe.skipIf(path === null)('what others wrote', () => {
  it('stays text', async () => {
    const script = '<img src=x onerror="document.title=\'taken\'"><script>document.title="taken"</script>';
    const hostile = manifestOf(2, {
      gate: { decision: 'HOLD', reason: script, figures: { [script]: 1 } },
      lineage: { ...manifestOf(2).lineage, topic: script, offsets: { [`${script}/0`]: 3 } },
    });
    const { page, complaints } = await look({
      on: { ...three, manifests: [manifestOf(1), hostile] },
      readiness: () => ({ ready: false, state: script, obstacles: [{ code: script, message: script }] }),
    });
    await page.getByRole('heading', { name: 'Generations' }).waitFor();
    await page.getByText('groups learnt', { exact: true }).first().waitFor();
    expect(await page.locator('body').textContent()).toContain(script);
    expect(await page.locator('img, #app script').count()).toBe(0);
    expect(await page.title()).toBe('restill');
    expect(complaints).toEqual([]);
  });
});

describe.skipIf(path === null)('asking again', () => {
  it('keeps what it has while the server is away, says so, and goes on when it is back', async () => {
    const { page } = await look();
    await page.getByRole('heading', { name: 'Generations' }).waitFor();
    await page.route('**/api/**', (route) => route.abort());
    await page.getByText('No contact').waitFor();
    expect(await page.locator('.hero').textContent()).toContain('g000002');
    await page.unroute('**/api/**');
    await page.getByText('Ready', { exact: false }).first().waitFor();
  });

  it('rests while nobody looks', async () => {
    const { page } = await look({}, desktop, { clock: true });
    await page.getByRole('heading', { name: 'Generations' }).waitFor();
    const turn = (isHidden: boolean) =>
      page.evaluate(
        `Object.defineProperty(document, 'hidden', { value: ${isHidden}, configurable: true });
         document.dispatchEvent(new Event('visibilitychange'))`,
      );
    await turn(true);
    await page.waitForLoadState('networkidle'); // What was asked before has come.
    let asked = 0;
    page.on('request', () => asked++);
    await page.clock.runFor(60_000);
    expect(asked).toBe(0);
    await Promise.all([page.waitForRequest('**/api/status'), turn(false)]);
    await Promise.all([page.waitForRequest('**/api/status'), page.clock.runFor(3_100)]);
  });

  it('asks for the token of a server that wants one', async () => {
    const { page } = await look({ readerToken: 'reader' });
    await page.getByLabel('This server asks for its token').fill('reader');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Live generation' }).waitFor();
    expect(await page.evaluate('JSON.stringify([localStorage, sessionStorage, document.cookie])')).toBe(
      '[{},{},""]',
    );
  });
});
