// Codes of this package's errors, with what they mean: docs/errors.md is made from such lists. A code stands in the
// lowest package that uses it; packages above use it, too.
export const CODES = {
  'file/busy': 'Another program uses the file or folder.',
  'file/exists': 'Something of this name exists already.',
  'file/io': 'The disk or the network drive reports an input/output error.',
  'file/is-a-folder': 'A folder stands where a file was expected.',
  'file/link-loop': 'A symbolic link leads back to itself.',
  'file/missing': 'There is no such file or folder.',
  'file/name-too-long': 'A file name or path is longer than the file system allows.',
  'file/no-permission': 'The user may not read or write here.',
  'file/no-space': 'The disk is full, or a quota is used up.',
  'file/not-a-folder': 'Part of a path is a file.',
  'file/not-empty': 'A folder that should be empty is not.',
  'file/other-disk': 'A file cannot be moved across file systems.',
  'file/read-only': 'The file system is read-only.',
  'file/too-large': 'The file is larger than the file system allows.',
  'file/too-many-open': 'The process or the machine has too many open files.',
  'json/damaged':
    'A file that should hold JSON does not: it was cut short, edited wrongly or is of another kind.',
  'model/number-type': 'A weights file holds numbers of a type that is not read.',
} as const satisfies Readonly<Record<string, string>>;
