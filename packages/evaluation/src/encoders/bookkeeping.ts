// What transformers writes into every `config.json` beside the network's own fields: training-time settings, names, and
// in older files the settings of text generation, which no encoder has.

export const ENCODER_HINT =
  'ViTModel, Dinov2Model, Dinov2WithRegistersModel and CLIPModel are understood, every other field of their files as well';

const BOOKKEEPING = new Set([
  ...[
    '_name_or_path',
    '_commit_hash',
    '_attn_implementation_autoset',
    'architectures',
    'dtype',
    'torch_dtype',
  ],
  ...['transformers_version', 'tokenizer_class', 'task_specific_params', 'problem_type', 'finetuning_task'],
  ...['id2label', 'label2id', 'label_columns', 'num_labels', 'initializer_factor', 'initializer_range'],
  ...['output_attentions', 'output_hidden_states', 'return_dict', 'use_cache', 'use_return_dict'],
  ...['torchscript', 'use_bfloat16', 'tf_legacy_loss', 'pruned_heads', 'chunk_size_feed_forward', 'prefix'],
  ...[
    'tie_word_embeddings',
    'tie_encoder_decoder',
    'is_decoder',
    'is_encoder_decoder',
    'add_cross_attention',
  ],
  ...['cross_attention_hidden_size', 'pad_token_id', 'sep_token_id', 'decoder_start_token_id'],
  ...[
    'bad_words_ids',
    'begin_suppress_tokens',
    'suppress_tokens',
    'forced_bos_token_id',
    'forced_eos_token_id',
  ],
  ...[
    'do_sample',
    'early_stopping',
    'length_penalty',
    'max_length',
    'min_length',
    'num_beams',
    'top_k',
    'top_p',
  ],
  ...['num_beam_groups', 'diversity_penalty', 'num_return_sequences', 'no_repeat_ngram_size', 'temperature'],
  ...[
    'encoder_no_repeat_ngram_size',
    'exponential_decay_length_penalty',
    'remove_invalid_values',
    'typical_p',
  ],
  ...['repetition_penalty', 'output_scores', 'return_dict_in_generate'],
]);

/** A config without them; what is no object stays what it is. */
export function withoutBookkeeping(json: unknown): unknown {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return json;
  return Object.fromEntries(Object.entries(json).filter(([key]) => !BOOKKEEPING.has(key)));
}
