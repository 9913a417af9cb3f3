// Our own plugins pass what every plugin must.
import { testPlugin } from '@likeness/core/testing';
import { assert, describe, it } from 'vitest';
import { dreambooth, ppl } from './index.ts';

testPlugin(dreambooth, { describe, it, assert });
testPlugin(dreambooth, { describe, it, assert, options: { trainTextEncoder: true } });
testPlugin(ppl, { describe, it, assert, options: { numClassImages: 4 }, beside: [dreambooth()] });
