// Which drawings stand for which noun: chosen by eye, of one pose a noun (a cat is a whole cat, a fox a face), because
// a small model learns a noun from few drawings that agree, and nothing from many that do not.

/** `set:name`, as in a column of a dataset: `noto:fox`. */
export type DrawingId = string;

export interface Noun {
  readonly noun: string;
  /** Seen in training. */
  readonly drawings: readonly DrawingId[];
  /** The same noun in the two sets that are held out whole. */
  readonly inStyles: readonly DrawingId[];
  /** It is drawn in the air as often as on the ground. */
  readonly flies: boolean;
}

// Noun (a star: it flies), what training sees, what the held-out sets have of it; `set:name,name set:name`.
// The order counts: a picture's noun follows from its number and from this list.
const TABLE = `
dog
  noto:guide-dog,service-dog,poodle noto-v1:dog twemoji:dog,poodle emojione:dog fluent-emoji-flat:dog,poodle
  streamline-emojis:dog,poodle fluent-emoji-high-contrast:dog,poodle,guide-dog
cat
  noto:cat,black-cat noto-v1:cat twemoji:cat,black-cat fluent-emoji-flat:cat,black-cat
  streamline-emojis:cat fluent-emoji-high-contrast:cat,black-cat
rabbit
  noto:rabbit-face noto-v1:rabbit-face twemoji:rabbit-face emojione:rabbit,rabbit-face fluent-emoji-flat:rabbit-face fxemoji:bunny
  streamline-emojis:rabbit-face fluent-emoji-high-contrast:rabbit-face
bear
  noto:bear,polar-bear noto-v1:bear twemoji:bear,polar-bear emojione:bear-face fluent-emoji-flat:bear,polar-bear fxemoji:bear
  streamline-emojis:bear-face fluent-emoji-high-contrast:bear
horse
  noto:horse noto-v1:horse twemoji:horse emojione:horse fluent-emoji-flat:horse fxemoji:horse
  streamline-emojis:horse fluent-emoji-high-contrast:horse
fish
  noto:fish,tropical-fish noto-v1:fish,tropical-fish twemoji:fish,tropical-fish fluent-emoji-flat:fish,tropical-fish fxemoji:fish
  streamline-emojis:tropical-fish fluent-emoji-high-contrast:fish,tropical-fish
bird*
  noto:bird,black-bird noto-v1:bird twemoji:bird,black-bird emojione:bird
  fluent-emoji-high-contrast:bird
owl*
  noto:owl noto-v1:owl twemoji:owl fluent-emoji-flat:owl
  fluent-emoji-high-contrast:owl
duck
  noto:duck noto-v1:duck twemoji:duck fluent-emoji-flat:duck
  fluent-emoji-high-contrast:duck
penguin
  noto:penguin noto-v1:penguin twemoji:penguin emojione:penguin fluent-emoji-flat:penguin fxemoji:penguin
  streamline-emojis:penguin-1 fluent-emoji-high-contrast:penguin
monkey
  noto:monkey-face noto-v1:monkey-face twemoji:monkey-face emojione:monkey-face fluent-emoji-flat:monkey-face
  streamline-emojis:monkey-face fluent-emoji-high-contrast:monkey-face
elephant
  noto:elephant twemoji:elephant emojione:elephant fluent-emoji-flat:elephant fxemoji:elephant
  streamline-emojis:elephant fluent-emoji-high-contrast:elephant
pig
  noto:pig-face noto-v1:pig-face twemoji:pig-face emojione:pig-face fluent-emoji-flat:pig-face fxemoji:pig
  streamline-emojis:pig-face fluent-emoji-high-contrast:pig-face
frog
  noto:frog noto-v1:frog twemoji:frog emojione:frog-face fluent-emoji-flat:frog fxemoji:frog
  streamline-emojis:frog-face fluent-emoji-high-contrast:frog
fox
  noto:fox noto-v1:fox twemoji:fox emojione:fox fluent-emoji-flat:fox
  streamline-emojis:fox-face-1 fluent-emoji-high-contrast:fox
lion
  noto:lion noto-v1:lion twemoji:lion emojione:lion-face fluent-emoji-flat:lion
  streamline-emojis:lion-face fluent-emoji-high-contrast:lion
turtle
  noto:turtle noto-v1:turtle twemoji:turtle emojione:turtle fluent-emoji-flat:turtle fxemoji:turtle
  streamline-emojis:turtle fluent-emoji-high-contrast:turtle
whale
  noto:whale noto-v1:whale twemoji:whale,spouting-whale emojione:spouting-whale fluent-emoji-flat:whale fxemoji:whale
  streamline-emojis:spouting-whale fluent-emoji-high-contrast:whale
octopus
  noto:octopus noto-v1:octopus twemoji:octopus emojione:octopus fluent-emoji-flat:octopus fxemoji:octopus
  streamline-emojis:octopus fluent-emoji-high-contrast:octopus
butterfly*
  noto:butterfly noto-v1:butterfly twemoji:butterfly emojione:butterfly fluent-emoji-flat:butterfly
  fluent-emoji-high-contrast:butterfly
snail
  noto:snail noto-v1:snail twemoji:snail fluent-emoji-flat:snail fxemoji:snail
  streamline-emojis:snail fluent-emoji-high-contrast:snail
car
  noto:automobile,sport-utility-vehicle twemoji:automobile,sport-utility-vehicle emojione:automobile,sport-utility-vehicle fluent-emoji-flat:automobile,sport-utility-vehicle fxemoji:automobile
  streamline-emojis:automobile fluent-emoji-high-contrast:automobile,sport-utility-vehicle
bus
  noto:bus noto-v1:bus twemoji:bus emojione:bus fluent-emoji-flat:bus fxemoji:bus
  streamline-emojis:bus fluent-emoji-high-contrast:bus
truck
  noto:delivery-truck noto-v1:delivery-truck,articulated-lorry twemoji:delivery-truck,articulated-lorry fluent-emoji-flat:delivery-truck,articulated-lorry
  streamline-emojis:delivery-truck fluent-emoji-high-contrast:delivery-truck
train
  noto:locomotive noto-v1:locomotive twemoji:locomotive emojione:locomotive fluent-emoji-flat:locomotive
  streamline-emojis:locomotive fluent-emoji-high-contrast:locomotive
boat
  noto:sailboat noto-v1:sailboat twemoji:sailboat emojione:sailboat fluent-emoji-flat:sailboat
  streamline-emojis:sailboat fluent-emoji-high-contrast:sailboat
airplane*
  noto:airplane noto-v1:airplane twemoji:airplane emojione:airplane fluent-emoji-flat:airplane fxemoji:airplane
  streamline-emojis:airplane fluent-emoji-high-contrast:airplane
rocket*
  noto:rocket noto-v1:rocket twemoji:rocket fluent-emoji-flat:rocket fxemoji:rocket
  streamline-emojis:rocket fluent-emoji-high-contrast:rocket
house
  noto:house,house-with-garden noto-v1:house twemoji:house fluent-emoji-flat:house,house-with-garden
  streamline-emojis:house-with-garden fluent-emoji-high-contrast:house,house-with-garden
tree
  noto:deciduous-tree,evergreen-tree noto-v1:evergreen-tree twemoji:deciduous-tree,evergreen-tree emojione:deciduous-tree,evergreen-tree fluent-emoji-flat:deciduous-tree,evergreen-tree
  streamline-emojis:christmas-tree fluent-emoji-high-contrast:deciduous-tree,evergreen-tree
flower
  noto:blossom,cherry-blossom noto-v1:blossom,cherry-blossom twemoji:cherry-blossom emojione:blossom fluent-emoji-flat:blossom,cherry-blossom fxemoji:blossom
  streamline-emojis:blossom fluent-emoji-high-contrast:blossom,cherry-blossom
mushroom
  noto:mushroom noto-v1:mushroom twemoji:mushroom emojione:mushroom fluent-emoji-flat:mushroom fxemoji:mushroom
  streamline-emojis:mushroom fluent-emoji-high-contrast:mushroom
cactus
  noto:cactus noto-v1:cactus twemoji:cactus emojione:cactus fluent-emoji-flat:cactus fxemoji:cactus
  streamline-emojis:cactus-1 fluent-emoji-high-contrast:cactus
heart*
  noto:red-heart noto-v1:red-heart twemoji:red-heart emojione:red-heart fluent-emoji-flat:red-heart
  streamline-emojis:heart-suit fluent-emoji-high-contrast:red-heart
ball
  noto:soccer-ball,basketball noto-v1:soccer-ball twemoji:soccer-ball,basketball emojione:soccer-ball fluent-emoji-flat:soccer-ball,basketball
  streamline-emojis:basketball fluent-emoji-high-contrast:soccer-ball,basketball
apple
  noto:red-apple,green-apple noto-v1:red-apple,green-apple twemoji:red-apple,green-apple emojione:red-apple fluent-emoji-flat:red-apple
  streamline-emojis:red-apple fluent-emoji-high-contrast:red-apple
strawberry
  noto:strawberry noto-v1:strawberry twemoji:strawberry emojione:strawberry fluent-emoji-flat:strawberry fxemoji:strawberry
  streamline-emojis:strawberry-1 fluent-emoji-high-contrast:strawberry
cake
  noto:birthday-cake noto-v1:birthday-cake twemoji:birthday-cake fluent-emoji-flat:birthday-cake
  streamline-emojis:birthday-cake-1 fluent-emoji-high-contrast:birthday-cake
cup
  noto:hot-beverage,teacup-without-handle twemoji:hot-beverage emojione:hot-beverage,teacup-without-handle fluent-emoji-flat:hot-beverage
  streamline-emojis:teacup-without-handle fluent-emoji-high-contrast:hot-beverage
clock
  noto:alarm-clock,one-oclock noto-v1:one-oclock twemoji:alarm-clock emojione:alarm-clock fluent-emoji-flat:alarm-clock
  fluent-emoji-high-contrast:alarm-clock
hat
  noto:top-hat noto-v1:top-hat twemoji:top-hat emojione:top-hat fluent-emoji-flat:top-hat
  fluent-emoji-high-contrast:top-hat
shoe
  noto:running-shoe,hiking-boot noto-v1:running-shoe twemoji:running-shoe,hiking-boot fluent-emoji-flat:running-shoe,hiking-boot
  streamline-emojis:running-shoe fluent-emoji-high-contrast:running-shoe
guitar
  noto:guitar noto-v1:guitar twemoji:guitar emojione:guitar fluent-emoji-flat:guitar fxemoji:guitar
  streamline-emojis:guitar fluent-emoji-high-contrast:guitar
umbrella
  noto:umbrella noto-v1:umbrella twemoji:umbrella emojione:umbrella fluent-emoji-flat:umbrella
  streamline-emojis:umbrella fluent-emoji-high-contrast:umbrella
robot
  noto:robot noto-v1:robot emojione:robot-face fluent-emoji-flat:robot
  streamline-emojis:robot-face-1 fluent-emoji-high-contrast:robot
backpack
  noto:backpack noto-v1:backpack twemoji:backpack fluent-emoji-flat:backpack
  streamline-emojis:school-backpack fluent-emoji-high-contrast:backpack
snowman
  noto:snowman-without-snow noto-v1:snowman-without-snow twemoji:snowman-without-snow emojione:snowman-without-snow fluent-emoji-flat:snowman-without-snow
  streamline-emojis:snowman fluent-emoji-high-contrast:snowman-without-snow
crown
  noto:crown noto-v1:crown twemoji:crown emojione:crown fluent-emoji-flat:crown fxemoji:crown
  streamline-emojis:crown fluent-emoji-high-contrast:crown
ghost*
  noto:ghost noto-v1:ghost twemoji:ghost emojione:ghost fluent-emoji-flat:ghost fxemoji:ghost
  streamline-emojis:ghost fluent-emoji-high-contrast:ghost
pumpkin
  noto:jack-o-lantern noto-v1:jack-o-lantern twemoji:jack-o-lantern emojione:jack-o-lantern fluent-emoji-flat:jack-o-lantern
  streamline-emojis:jack-o-lantern fluent-emoji-high-contrast:jack-o-lantern
`;

export const NOUNS: readonly Noun[] = TABLE.trim()
  .split(/\n(?=\S)/)
  .map((entry) => {
    const [name = '', drawings = '', inStyles = ''] = entry.split('\n').map((line) => line.trim());
    return {
      noun: name.replace('*', ''),
      drawings: drawingIds(drawings),
      inStyles: drawingIds(inStyles),
      flies: name.endsWith('*'),
    };
  });

/** @throws RangeError for a noun that is not in the vocabulary */
export function nounNamed(name: string): Noun {
  const found = NOUNS.find(({ noun }) => noun === name);
  if (found === undefined) throw new RangeError(`no noun ${name}: it is none of the catalog's`);
  return found;
}

function drawingIds(groups: string): DrawingId[] {
  return groups
    .split(' ')
    .filter((group) => group !== '')
    .flatMap((group) => {
      const [set = '', names = ''] = group.split(':');
      return names.split(',').map((name) => `${set}:${name}`);
    });
}
