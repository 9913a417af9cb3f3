// The parameter store: every layer asks for its weights by checkpoint path, so an adapter can overlay a path.
// Parameters are declared by the first trace that asks for them; weights are loaded afterwards, by the same keys.
import { createVariable, gatherRows, ShapeError, tf } from '@likeness/engine';
import type { Tensor, Tensor4D, Variable } from '@likeness/engine';

/** How a variable lies in memory: convolution weights are held `[height, width, in, out]`, files have `[out, in, height, width]`. */
export type WeightLayout = 'asIs' | 'oihw';

export interface Parameter {
  /** Key in the checkpoint file, verbatim. */
  readonly key: string;
  /** Shape in the checkpoint file. */
  readonly shape: readonly number[];
  readonly layout: WeightLayout;
  readonly variable: Variable;
}

/** One call of a layer, as an adapter sees it. */
export interface LayerCall {
  readonly kind: 'linear' | 'conv2d' | 'embedding';
  readonly path: string;
  /** `[…, in]` for linear, `[B, H, W, in]` for conv2d, int32 ids for embedding. */
  readonly input: Tensor;
  /** The layer's own weight: `[out, in]`, `[kh, kw, in, out]` or `[rows, width]`. */
  readonly weight: Tensor;
  /** The layer with another weight of the same shape (DoRA, merged adapters). */
  withWeight(weight: Tensor): Tensor;
  /** The layer's linear part with a weight for any number of outputs, without bias: `[…, outputs]` (LoRA's way down). */
  project(weight: Tensor): Tensor;
  /** The layer as it is without the adapter. */
  base(): Tensor;
}

/** Overlays one layer: receives its call and returns its output. */
export type Adapter = (call: LayerCall) => Tensor;

export interface Conv2dOptions {
  readonly kernelSize?: number;
  readonly stride?: number;
  /** `same` = torch's padding `kernelSize // 2`; `[top, bottom, left, right]` pads by hand. */
  readonly padding?: 'same' | 'valid' | readonly [number, number, number, number];
}

export interface ParametersOptions {
  /** Component the keys belong to, as in a diffusers folder: `unet`, `vae`, `text_encoder`. Prefix of variable names. */
  readonly component: string;
  /** Keep weights in bfloat16 (frozen models only: half the memory, forward pass rounded). */
  readonly storage?: 'float32' | 'bfloat16';
}

/** Parameters of one network. */
export class Parameters {
  readonly component: string;
  private readonly storage: 'float32' | 'bfloat16';
  private readonly byKey = new Map<string, Parameter>();
  private readonly adapters = new Map<string, Adapter>();
  private readonly layers = new Map<string, LayerCall['kind']>();
  private passedOver = false;

  constructor({ component, storage = 'float32' }: ParametersOptions) {
    this.component = component;
    this.storage = storage;
  }

  /** All parameters asked for so far, in the order of first use. */
  entries(): ReadonlyMap<string, Parameter> {
    return this.byKey;
  }

  /** Paths of all layers an adapter can overlay, with their kind. */
  layerPaths(): ReadonlyMap<string, LayerCall['kind']> {
    return this.layers;
  }

  /** Name of the engine variable that holds `key`. */
  variableName(key: string): string {
    return `${this.component}.${key}`;
  }

  /**
   * The parameter of a checkpoint key.
   * @param shape shape in the checkpoint file
   * @throws ShapeError when two layers ask for one key with different shapes
   */
  get(key: string, shape: readonly number[], layout: WeightLayout = 'asIs'): Variable {
    const known = this.byKey.get(key);
    if (known !== undefined) {
      if (known.shape.join() !== shape.join()) {
        throw new ShapeError('asked for with two shapes', {
          code: 'model/two-shapes',
          where: this.variableName(key),
          expected: `[${known.shape}]`,
          got: `[${shape}]`,
        });
      }
      return known.variable;
    }
    const held = layout === 'oihw' ? [2, 3, 1, 0].map((axis) => shape[axis] ?? 1) : shape;
    const variable = createVariable({ name: this.variableName(key), shape: held, storage: this.storage });
    this.byKey.set(key, { key, shape, layout, variable });
    return variable;
  }

  /** `y = x Wᵀ + b`; x `[…, in]` → `[…, out]`, W `[out, in]` as in torch. */
  linear(path: string, x: Tensor, outFeatures: number, { bias = true } = {}): Tensor {
    const inFeatures = x.shape.at(-1) ?? 0;
    const weight = this.get(`${path}.weight`, [outFeatures, inFeatures]);
    const offset = bias ? this.get(`${path}.bias`, [outFeatures]) : undefined;
    const rows = (w: Tensor): Tensor => tf.matMul(tf.reshape(x, [-1, inFeatures]), w, false, true);
    const shaped = (y: Tensor): Tensor => tf.reshape(y, [...x.shape.slice(0, -1), y.shape[1] ?? 0]);
    return this.call('linear', path, x, weight, {
      project: (w) => shaped(rows(w)),
      withWeight: (w) => shaped(offset ? tf.add(rows(w), offset) : rows(w)),
    });
  }

  /** Convolution over `[B, H, W, in]` → `[B, H', W', out]`. */
  conv2d(path: string, x: Tensor, outChannels: number, options: Conv2dOptions = {}): Tensor {
    const { kernelSize = 3, stride = 1, padding = 'same' } = options;
    const inChannels = x.shape.at(-1) ?? 0;
    const weight = this.get(`${path}.weight`, [outChannels, inChannels, kernelSize, kernelSize], 'oihw');
    const offset = this.get(`${path}.bias`, [outChannels]);
    const pad = Math.floor(kernelSize / 2);
    const [top, bottom, left, right] =
      padding === 'valid' ? [0, 0, 0, 0] : padding === 'same' ? [pad, pad, pad, pad] : padding;
    // TensorFlow's SAME equals torch's padding only at stride 1; elsewhere the border is written out.
    const native = padding === 'same' && stride === 1;
    const project = (w: Tensor): Tensor => {
      const bordered =
        native || top + bottom + left + right === 0
          ? x
          : tf.pad(x, [
              [0, 0],
              [top, bottom],
              [left, right],
              [0, 0],
            ]);
      return tf.conv2d(bordered as Tensor4D, w as Tensor4D, stride, native ? 'same' : 'valid');
    };
    const withWeight = (w: Tensor): Tensor => tf.add(project(w), offset);
    return this.call('conv2d', path, x, weight, { project, withWeight });
  }

  /**
   * Rows of a table: int32 ids of any shape → `[…ids, width]`. Under an adapter ids may be beyond the table (those of
   * new tokens, which the adapter answers for): `base()` gives its last row for them.
   */
  embedding(path: string, ids: Tensor, rows: number, width: number): Tensor {
    const weight = this.get(`${path}.weight`, [rows, width]);
    const known = this.adapters.has(path) ? tf.minimum(ids, tf.scalar(rows - 1, 'int32')) : ids;
    const rowsOf = (w: Tensor): Tensor => gatherRows(w, known);
    return this.call('embedding', path, ids, weight, { project: rowsOf, withWeight: rowsOf });
  }

  /** Overlays a layer. Adapters on one path stack: the last attached sees the others' result as its base. */
  attach(path: string, adapter: Adapter): () => void {
    const inner = this.adapters.get(path);
    const stacked: Adapter = inner
      ? (call) => {
          const withWeight = (weight: Tensor): Tensor =>
            inner({ ...call, weight, base: () => call.withWeight(weight) });
          return adapter({ ...call, withWeight, base: () => inner(call) });
        }
      : adapter;
    this.adapters.set(path, stacked);
    return () => {
      if (this.adapters.get(path) !== stacked) {
        throw new ShapeError('adapters are detached in the reverse order of attaching', {
          code: 'plugin/detach-order',
          where: path,
        });
      }
      if (inner) this.adapters.set(path, inner);
      else this.adapters.delete(path);
    };
  }

  /** Whether an adapter lies over any layer. */
  get isAdapted(): boolean {
    return this.adapters.size > 0;
  }

  /** Runs traced code on the layers as they are without adapters, which stay attached and are passed over. */
  withoutAdapters<T>(body: () => T): T {
    const before = this.passedOver;
    this.passedOver = true;
    try {
      return body();
    } finally {
      this.passedOver = before;
    }
  }

  /** Gives all variables back. */
  dispose(): void {
    for (const { variable } of this.byKey.values()) variable.dispose();
    this.byKey.clear();
    this.adapters.clear();
  }

  private call(
    kind: LayerCall['kind'],
    path: string,
    input: Tensor,
    weight: Tensor,
    ways: Pick<LayerCall, 'project' | 'withWeight'>,
  ): Tensor {
    this.layers.set(path, kind);
    const base = (): Tensor => ways.withWeight(weight);
    const adapter = this.passedOver ? undefined : this.adapters.get(path);
    return adapter ? adapter({ kind, path, input, weight, ...ways, base }) : base();
  }
}
