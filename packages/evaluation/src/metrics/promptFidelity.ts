// Does it show what was asked for? Cosine between a picture and its own prompt in CLIP's space, the identifier taken out
// of the text: CLIP does not know the word. Ruiz et al. 2022, section 4.2.
import { byPrompt, select } from '../records/record.ts';
import { cosine, mean } from './cosine.ts';
import { defineMetric, type Metric } from './metric.ts';

export const clipT: Metric = defineMetric({
  name: 'clipT',
  description: 'pictures of the subject against their prompts without the identifier, CLIP',
  better: 'higher',
  needs: ['clip'],
  compute: (evidence) => {
    const perPicture = new Map(
      select(evidence, 'subject').flatMap((record) => {
        const text = record.text === undefined ? undefined : evidence.texts.get(record.text);
        const picture = record.features.clip;
        return text && picture ? [[record, cosine(picture, text)] as const] : [];
      }),
    );
    const perPrompt = new Map(
      [...byPrompt([...perPicture.keys()])].map(([prompt, records]) => [
        prompt,
        mean(records.map((record) => perPicture.get(record) ?? NaN)),
      ]),
    );
    return { value: mean([...perPrompt.values()]), perPrompt, perPicture };
  },
});
