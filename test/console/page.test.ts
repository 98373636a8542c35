// Tags: the same bytes have the same tag, others another; a list of tags is read, weak ones too. The index
// alone gets the import map, and is served as the page itself.
import { describe, expect, it } from 'vitest';
import { etagOf, knows, makePage } from '../../src/console/page.ts';

describe('tags', () => {
  it('belong to bytes', () => {
    expect(etagOf('a')).toBe(etagOf(Buffer.from('a')));
    expect(etagOf('a')).not.toBe(etagOf('b'));
    expect(etagOf('a')).toMatch(/^"[\w-]{22}"$/);
  });

  it.each([
    ['"x"', true],
    ['W/"x"', true],
    ['"y", "x"', true],
    ['"y"', false],
    ['x', false],
    ['', false],
    [undefined, false],
  ])('%s knows "x": %s', (given, expected) => {
    expect(knows(given, '"x"')).toBe(expected);
  });
});

describe('the page', () => {
  it('is the index with its import map; other files are as they were', () => {
    const mark = '<!-- import map -->';
    const { files } = makePage(
      new Map([
        ['index.html', Buffer.from(`a${mark}b`)],
        ['app.mjs', Buffer.from(mark)],
      ]),
    );
    const [index, app] = files;
    expect(index).toMatchObject({ path: '', type: 'text/html; charset=utf-8' });
    expect(Buffer.from(index!.bytes).toString()).toMatch(/^a<script type="importmap">\{.*\}<\/script>b$/);
    expect(app).toMatchObject({ path: 'app.mjs', type: 'text/javascript; charset=utf-8' });
    expect(Buffer.from(app!.bytes).toString()).toBe(mark);
  });
});
