// What every low-rank method is: a few small tensors (parts) that stand for a change of one layer's weight.
//
// Parts have the shapes they have in files. ΔW comes out in the checkpoint's layout, `[out, in]` or `[out, in, h, w]`,
// before the factor alpha / rank.
import { tf, type Adapter, type LayerCall, type Tensor } from '@likeness/core';
import type { AdaptableLayer } from '../layers.ts';
import type { Dropout } from './dropout.ts';
import { withMagnitude, type MagnitudeAxis } from './magnitude.ts';
import { beside, halves, type Origin } from './origin.ts';

/** Values by part: `down`, `up`, `hada_w1_a`, … */
export type Parts<T> = Readonly<Record<string, T>>;
export type Shape = readonly number[];

/** How a part begins. */
export type Start =
  | { readonly kind: 'zeros' }
  | { readonly kind: 'normal'; readonly standardDeviation: number }
  /** Uniform in ± 1 / √fanIn: torch's kaiming_uniform_ with a = √5. */
  | { readonly kind: 'kaiming'; readonly fanIn: number }
  /** What the layer's own weight does most (PiSSA). */
  | { readonly kind: 'principal' };

export interface PlannedPart {
  readonly name: string;
  readonly shape: Shape;
  readonly start: Start;
}

/** What a method may be told when it plans its parts. */
export interface PartOptions {
  readonly rank: number;
  readonly initialisation: 'gaussian' | 'kaiming' | 'pissa';
  /** LoKr: how large the left factor may be. */
  readonly factor?: number;
}

/** A way to write a change of a weight with few numbers. */
export interface AdapterMethod {
  readonly name: 'lora' | 'loha' | 'lokr';
  /** The parts of a new adapter. One of every product begins at zero, so that ΔW does. */
  plan(layer: AdaptableLayer, options: PartOptions): PlannedPart[];
  /** What a file's parts do not fit the layer in, one line each; empty: they fit. */
  misfits(shapes: Parts<Shape>, layer: AdaptableLayer): string[];
  /** What alpha is divided by; none when alpha does not count. */
  rankOf(shapes: Parts<Shape>): number | undefined;
  /** Traced: ΔW in the checkpoint's layout. */
  weightChange(parts: Parts<Tensor>, layer: AdaptableLayer): Tensor;
  /**
   * Traced: the change of the layer's output, where that is cheaper than making ΔW.
   * @param thin what is done to the narrow states `[…, r]` on the way
   */
  outputChange?(
    call: LayerCall,
    parts: Parts<Tensor>,
    layer: AdaptableLayer,
    thin?: (narrow: Tensor) => Tensor,
  ): Tensor;
}

/** An adapter on a layer, with its tensors at hand. */
export interface BoundAdapter {
  readonly method: AdapterMethod;
  readonly layer: AdaptableLayer;
  readonly parts: Parts<Tensor>;
  /** Factor on ΔW: alpha / rank, times the weight it is used at. */
  readonly scale: number;
  /** DoRA: length of each row (or column) of the resulting weight. */
  readonly magnitude?: { readonly values: Tensor; readonly axis: MagnitudeAxis };
  /** While it trains. */
  readonly dropout?: Dropout;
  /** What is taken off again, since the parts did not begin at zero (PiSSA): ΔW = B A − B₀ A₀. */
  readonly origin?: Origin;
}

/** The overlay of a layer: `attach` it at the layer's path. */
export function overlay({
  method,
  layer,
  parts: learned,
  scale,
  magnitude,
  dropout,
  origin,
}: BoundAdapter): Adapter {
  const outAxis = layer.kind === 'conv2d' ? 3 : 0;
  return (call) => {
    const parts = origin ? beside(learned, origin) : learned;
    const narrow =
      dropout && ((states: Tensor) => (origin ? halves(states, dropout.narrow) : dropout.narrow(states)));
    const whole = dropout?.module();
    const unlessDropped = (change: Tensor): Tensor => (whole ? tf.mul(change, whole) : change);
    if (magnitude === undefined && method.outputChange !== undefined) {
      const change = method.outputChange(call, parts, layer, narrow);
      return tf.add(call.base(), unlessDropped(tf.mul(change, scale)));
    }
    const all = asHeld(method.weightChange(parts, layer), layer);
    const change = tf.mul(dropout?.rows(all, outAxis) ?? all, scale);
    if (magnitude === undefined) return call.withWeight(tf.add(call.weight, unlessDropped(change)));
    const { values, axis } = magnitude;
    const changed = withMagnitude(tf.add(call.weight, change), values, axis, layer);
    // Dropped, the layer is the model's own: its lengths are then, too.
    return call.withWeight(
      whole ? tf.add(call.weight, unlessDropped(tf.sub(changed, call.weight))) : changed,
    );
  };
}

/** From the checkpoint's layout to the one weights are held in: convolutions `[h, w, in, out]`. */
export const asHeld = (weight: Tensor, { kind }: AdaptableLayer): Tensor =>
  kind === 'conv2d' ? tf.transpose(weight, [2, 3, 1, 0]) : weight;

/** A part that is there because the method's `plan` or `misfits` saw to it. */
export function part(parts: Parts<Tensor>, name: string): Tensor {
  const tensor = parts[name];
  if (tensor === undefined) throw new Error(`an adapter lacks its part ${name}`);
  return tensor;
}

export const elementsOf = (shape: Shape): number => shape.reduce((product, size) => product * size, 1);
