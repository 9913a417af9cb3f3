// Codes of this package's errors and warnings, with what they mean; docs/errors.md is made from such lists.
export const CODES = {
  'config/no-effect': 'Warning: a setting changes nothing beside the others.',
  'data/damaged-picture': 'Warning: a picture is damaged and could still be read.',
  'data/empty-caption': 'Warning: a caption file is empty.',
  'data/long-picture': 'Warning: cropping to a square loses more than half of a picture.',
  'data/mask-without-picture': 'Warning: a mask belongs to no picture.',
  'data/not-a-picture': 'Warning: a file is left out because its name is not that of a picture.',
  'data/small-picture': 'Warning: a picture is smaller than the resolution and is enlarged.',
  'plugin/error': 'A plugin failed and gave no code of its own.',
  'prompt/common-identifier':
    'Warning: the identifier is a common word, whose meaning mixes with the subject.',
  'prompt/identifier-in-pieces': 'Warning: the identifier is several tokens.',
  'prompt/identifier-is-noun': 'Warning: the identifier is the class noun.',
  'prompt/too-long': 'Warning: a text is longer than the text encoder reads; its end is cut off.',
  'recipe/plugins-do-not-fit': 'The plugins of a recipe cannot work together.',
  'recipe/unknown-plugin': 'A recipe names a plugin that is not installed.',
} as const satisfies Readonly<Record<string, string>>;
