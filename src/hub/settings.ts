// Where the Hugging Face cache is and how the hub is reached: the environment variables that huggingface_hub
// reads, with its defaults, so that both see the same files.
// https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables
import { join } from 'node:path';
import { RestillError } from '../errors.ts';

export interface HubSettings {
  /** Holds `models--ORG--NAME` folders. */
  readonly cache: string;
  /** Without a slash at its end. */
  readonly endpoint: string;
  readonly offline: boolean;
  /** A secret: it goes to `endpoint` and nowhere else. */
  readonly token: string | null;
}

/** @throws RestillError `USAGE` when `HF_ENDPOINT` is no address. */
export function hubSettings(env: Readonly<Record<string, string | undefined>>, home: string): HubSettings {
  const given = (name: string): string | null => env[name]?.trim() || null;
  const path = (name: string): string | null => given(name)?.replace(/^~(?=\/|$)/, home) ?? null;
  const hubHome = path('HF_HOME') ?? join(path('XDG_CACHE_HOME') ?? join(home, '.cache'), 'huggingface');
  const isTrue = (name: string): boolean => /^(1|on|yes|true)$/i.test(given(name) ?? '');
  return {
    cache: path('HF_HUB_CACHE') ?? path('HUGGINGFACE_HUB_CACHE') ?? join(hubHome, 'hub'),
    endpoint: checkedEndpoint(given('HF_ENDPOINT') ?? 'https://huggingface.co'),
    offline: isTrue('HF_HUB_OFFLINE') || isTrue('TRANSFORMERS_OFFLINE'),
    token: given('HF_TOKEN'),
  };
}

function checkedEndpoint(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text.replace(/\/+$/, '');
  throw new RestillError(
    'USAGE',
    `HF_ENDPOINT is ${JSON.stringify(text)}, expected an address such as https://huggingface.co`,
  );
}
