// Where everything of a text-to-image model lies: the answer of `openModel`, whatever it was opened from.

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { TensorEntry, Warning } from '@likeness/engine';
import type { TokenizerSettings } from '../tokenizer/index.ts';

/** Folder names in a diffusers model. */
export type ComponentName = 'unet' | 'vae' | 'text_encoder';

export interface ComponentFiles {
  readonly name: ComponentName;
  /** The parsed config.json, or what was inferred from an LDM file's shapes. */
  readonly config: unknown;
  /** Undefined when the config was inferred. */
  readonly configFile: string | undefined;
  /** By checkpoint key as today's diffusers spells it; values are read by range. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  /** The weights files as they lie in the component's folder, an index file included; empty for an LDM file. */
  readonly weightFiles: readonly string[];
}

export interface TokenizerSource {
  /** The tokenizer's folder, for messages. */
  readonly where: string;
  /** Paths of the tokenizer's files. */
  readonly files: readonly string[];
  /** Settings that no file holds: an LDM file has no tokenizer. */
  readonly settings?: TokenizerSettings;
}

export interface ModelFiles {
  /** What the user named: folder, file or Hub id. */
  readonly source: string;
  readonly format: 'diffusers' | 'ldm';
  /** The folder of a diffusers model (for a Hub id: the snapshot in the cache). */
  readonly folder: string | undefined;
  readonly components: {
    readonly unet: ComponentFiles;
    readonly vae: ComponentFiles;
    readonly textEncoder: ComponentFiles;
  };
  /** The parsed scheduler_config.json. */
  readonly scheduler: unknown;
  readonly schedulerFile: string | undefined;
  readonly tokenizer: TokenizerSource;
  /** Settings that came in the header of a single file of ours, as in likeness.json. */
  readonly recommended?: unknown;
  /** What a person should know of how it was opened. */
  readonly warnings: readonly Warning[];
  /** The parsed model_index.json. */
  readonly modelIndex: unknown;
}

/** The three components in the order everything lists them. */
export function componentsOf({ components }: Pick<ModelFiles, 'components'>): ComponentFiles[] {
  return [components.unet, components.vae, components.textEncoder];
}

/** Files of a folder, without those of folders in it; none when it is not there. */
export async function fileNames(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((): string[] => []);
  const kinds = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        (stats) => stats.isFile(),
        () => false,
      ),
    ),
  );
  return names.filter((_, i) => kinds[i]).sort();
}
