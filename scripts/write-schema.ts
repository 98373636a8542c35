// npm run schema: writes config/schema.json from the schema in src/config.ts; a test keeps the two equal.
import { writeFileSync } from 'node:fs';
import { jsonSchema } from '../src/config.ts';

writeFileSync(
  new URL('../config/schema.json', import.meta.url),
  `${JSON.stringify(jsonSchema(), null, 2)}\n`,
);
