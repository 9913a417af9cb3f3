// What files of adapters are called in an export's folder, as the tools that read them expect.
import type { LoraFormat } from '../options.ts';

/** diffusers looks for this name by itself. */
export const DIFFUSERS_FILE = 'pytorch_lora_weights.safetensors';
export const KOHYA_FILE = 'lora.safetensors';
/** PEFT's, in a folder for each component. */
export const PEFT_FILE = 'adapter_model.safetensors';

/** Every file an export may have, relative to its folder. */
export const ADAPTER_FILES = [
  DIFFUSERS_FILE,
  KOHYA_FILE,
  `unet/${PEFT_FILE}`,
  `text_encoder/${PEFT_FILE}`,
] as const;

/** Lines of Python that put an export onto diffusers' pipeline `pipe`. */
export function loadInDiffusers(format: LoraFormat, exported: string, touches: readonly string[]): string[] {
  switch (format) {
    case 'diffusers':
      return [`pipe.load_lora_weights("${exported}")`];
    case 'kohya':
      return [`pipe.load_lora_weights("${exported}", weight_name="${KOHYA_FILE}")`];
    case 'peft':
      return [
        'from peft import PeftModel',
        ...touches.map(
          (component) =>
            `pipe.${component} = PeftModel.from_pretrained(pipe.${component}, "${exported}/${component}")`,
        ),
      ];
  }
}
