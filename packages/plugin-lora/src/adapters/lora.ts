// LoRA (Hu et al. 2021, arXiv 2106.09685): ΔW = B A. On convolutions (LoCon) A keeps the kernel and B is 1 × 1; LyCORIS
// may put a small kernel between two 1 × 1 ones (`mid`).
import { tf, type LayerCall, type Tensor } from '@likeness/core';
import { sizesOf, type AdaptableLayer } from '../layers.ts';
import { asHeld, elementsOf, part, type AdapterMethod, type Parts, type Shape } from './adapter.ts';

export const lora: AdapterMethod = {
  name: 'lora',
  plan({ shape }, { rank, initialisation }) {
    const [out = 1, ...down] = shape;
    const starts = {
      gaussian: [{ kind: 'normal', standardDeviation: 1 / rank }, { kind: 'zeros' }],
      kaiming: [{ kind: 'kaiming', fanIn: elementsOf(down) }, { kind: 'zeros' }],
      pissa: [{ kind: 'principal' }, { kind: 'principal' }],
    } as const;
    const [ofDown, ofUp] = starts[initialisation];
    return [
      { name: 'down', shape: [rank, ...down], start: ofDown },
      { name: 'up', shape: [out, rank, ...down.slice(1).map(() => 1)], start: ofUp },
    ];
  },

  misfits({ down, up, mid }, layer) {
    if (!down || !up) return [`has ${down ? 'a way down' : 'a way up'} only`];
    const { out, inputs, places } = sizesOf(layer);
    const [rank = 1] = down;
    const wanted = [rank * inputs * (mid ? 1 : places), out * (mid?.[0] ?? rank)];
    const problems = [down, up].flatMap((shape, i) =>
      elementsOf(shape) === wanted[i] && (i === 0 || shape[0] === out)
        ? []
        : [`${i === 0 ? 'down' : 'up'} is [${shape.join()}] on a weight [${layer.shape.join()}]`],
    );
    if (mid && (mid[1] !== rank || elementsOf(mid) !== (mid[0] ?? 0) * rank * places)) {
      problems.push(`mid is [${mid.join()}] on a weight [${layer.shape.join()}] at rank ${rank}`);
    }
    return problems;
  },

  rankOf: ({ down }) => down?.[0],

  weightChange(parts, { shape }) {
    const [out = 1] = shape;
    const down = wayDown(parts, shape);
    const rank = down.shape[0] ?? 1;
    const product = tf.matMul(tf.reshape(part(parts, 'up'), [out, rank]), tf.reshape(down, [rank, -1]));
    return tf.reshape(product, [...shape]);
  },

  outputChange(
    call: LayerCall,
    parts: Parts<Tensor>,
    layer: AdaptableLayer,
    thin: (narrow: Tensor) => Tensor = (narrow) => narrow,
  ) {
    const { out } = sizesOf(layer);
    const narrow = thin(call.project(asHeld(wayDown(parts, layer.shape), layer))); // […, r]
    const rank = narrow.shape.at(-1) ?? 1;
    const up = tf.reshape(part(parts, 'up'), [out, rank]);
    const wide = tf.matMul(tf.reshape(narrow, [-1, rank]), up, false, true);
    return tf.reshape(wide, [...narrow.shape.slice(0, -1), out]);
  },
};

/** A with the layer's kernel, `[r, in, …]`; with `mid`, the two behind each other. */
function wayDown(parts: Parts<Tensor>, [, inputs = 1, ...kernel]: Shape): Tensor {
  const { mid } = parts;
  const down = part(parts, 'down');
  const [rank = 1] = down.shape;
  if (mid === undefined) return tf.reshape(down, [rank, inputs, ...kernel]);
  const [outer = 1] = mid.shape;
  const [height = 1, width = 1] = kernel;
  const rows = tf.reshape(tf.transpose(tf.reshape(mid, [outer, rank, height, width]), [0, 2, 3, 1]), [
    -1,
    rank,
  ]);
  const spread = tf.matMul(rows, tf.reshape(down, [rank, inputs])); // [outer · h · w, in]
  return tf.transpose(tf.reshape(spread, [outer, height, width, inputs]), [0, 3, 1, 2]);
}
