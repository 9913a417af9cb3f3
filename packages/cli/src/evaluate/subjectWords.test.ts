import { describe, expect, it } from 'vitest';
import { bundledUnrelated, classPromptOf, phraseOf, templatesOf } from './subjectWords.ts';

describe('the words of an evaluation', () => {
  it('name the subject as the run does', () => {
    const robot = { identifier: 'sks', classNoun: 'robot' };
    expect(phraseOf({ ...robot, instancePrompt: 'a photo of sks robot' })).toBe('sks robot');
    // a new word stands alone
    expect(phraseOf({ ...robot, identifier: '<robot>', instancePrompt: 'a photo of a <robot>' })).toBe(
      '<robot>',
    );
    expect(phraseOf({ identifier: 'sks', instancePrompt: 'a photo of sks' })).toBe('sks');
    // no identifier at all
    expect(phraseOf({ classNoun: 'robot', instancePrompt: 'a photo of a robot' })).toBe('a robot');
  });

  it('ask for the true class, whatever the run was told', () => {
    const told = { classNoun: 'cat', classPrompt: 'a photo of a cat', instancePrompt: 'a photo of sks cat' };
    expect(classPromptOf(told, undefined)).toEqual({ classPrompt: 'a photo of a cat' });
    expect(classPromptOf(told, 'robot')).toEqual({ classPrompt: 'a photo of a robot' });
    expect(classPromptOf({ ...told, classPrompt: 'cats' }, 'cat')).toEqual({ classPrompt: 'cats' });
    expect(classPromptOf({ instancePrompt: 'a photo of sks' }, undefined)).toEqual({});
  });

  it('leave a place for the subject, 25 times', () => {
    for (const templates of [
      templatesOf(true, 'robot'),
      templatesOf(false, 'cat'),
      templatesOf(false, 'teapot'),
    ]) {
      expect(templates).toHaveLength(25);
      for (const template of templates) expect(template).toContain('{}');
    }
    expect(templatesOf(false, 'cat')).toContain('a {} wearing a santa hat');
    expect(templatesOf(false, 'teapot')).not.toContain('a {} wearing a santa hat');
  });

  it('are about something else where drift is looked for', () => {
    const prompts = bundledUnrelated('cat');
    expect(new Set(prompts).size).toBe(10);
    expect(prompts).not.toContain('a photo of a cat');
  });
});
