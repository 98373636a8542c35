// Invariant: the variables of huggingface_hub mean what they mean there, the more special one first.
import { expect, it } from 'vitest';
import { hubSettings } from '../../src/hub/settings.ts';

const cacheOf = (env: Record<string, string>): string => hubSettings(env, '/me').cache;

it.each([
  [{}, '/me/.cache/huggingface/hub'],
  [{ XDG_CACHE_HOME: '/xdg' }, '/xdg/huggingface/hub'],
  [{ XDG_CACHE_HOME: '/xdg', HF_HOME: '~/hf' }, '/me/hf/hub'],
  [{ HF_HOME: '/hf', HUGGINGFACE_HUB_CACHE: '/old' }, '/old'],
  [{ HF_HUB_CACHE: '~', HUGGINGFACE_HUB_CACHE: '/old' }, '/me'],
  [{ HF_HUB_CACHE: ' ', HF_HOME: '/hf~/x' }, '/hf~/x/hub'],
])('%j has its cache in %s', (env, cache) => {
  expect(cacheOf(env)).toBe(cache);
});

it('reads endpoint, token and offline mode', () => {
  expect(hubSettings({}, '/')).toMatchObject({
    endpoint: 'https://huggingface.co',
    token: null,
    offline: false,
  });
  const env = { HF_ENDPOINT: 'http://localhost:1/hub/', HF_TOKEN: ' t\n', HF_HUB_OFFLINE: 'yes' };
  expect(hubSettings(env, '/')).toMatchObject({
    endpoint: 'http://localhost:1/hub',
    token: 't',
    offline: true,
  });
  expect(hubSettings({ HF_HUB_OFFLINE: '0' }, '/').offline).toBe(false);
  expect(hubSettings({ TRANSFORMERS_OFFLINE: '1' }, '/').offline).toBe(true);
});

it.each(['huggingface.co', 'file:///x', 'ftp://x'])('refuses the endpoint %s', (text) => {
  expect(() => hubSettings({ HF_ENDPOINT: text }, '/')).toThrow(expect.objectContaining({ code: 'USAGE' }));
});
