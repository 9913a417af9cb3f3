// A recipe names plugins: `dreambooth+ppl`. Here is what recipes say and which plugins go together.
import { ConfigError, PluginError } from '../errors.ts';
import type { Plugin } from './definePlugin.ts';

/**
 * The plugin names of a recipe, in its order.
 * @throws ConfigError for an empty recipe, an empty name or one said twice
 */
export function parseRecipe(recipe: string): string[] {
  const names = recipe.split('+').map((name) => name.trim());
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (names.includes('') || twice !== undefined) {
    throw new ConfigError(twice ? `${twice} is named twice` : 'a plugin name is missing', {
      code: 'recipe/malformed',
      where: 'recipe',
      expected: 'names joined by +, like dreambooth+ppl',
      got: JSON.stringify(recipe),
    });
  }
  return names;
}

/**
 * Refuses plugins that do not go together, all reasons at once.
 * @throws PluginError
 */
export function checkCombination(plugins: readonly Plugin[]): void {
  const names = plugins.map(({ name }) => name);
  const details: string[] = [];
  const told = new Set<string>();
  for (const { name, conflicts, requires, refuses } of plugins) {
    for (const [other, reason] of Object.entries(conflicts)) {
      const pair = [name, other].sort().join('+');
      if (!names.includes(other) || told.has(pair)) continue;
      told.add(pair);
      details.push(`${name} and ${other} do not go together${reason && `: ${reason}`}`);
    }
    for (const other of requires) {
      if (!names.includes(other))
        details.push(`${name} needs ${other} in the recipe: ${[...names, other].join('+')}`);
    }
    const refusal = refuses?.(names.filter((other) => other !== name));
    if (refusal !== undefined) details.push(`${name} cannot do anything here: ${refusal}`);
  }
  if (details.length > 0)
    throw new PluginError('these plugins do not fit together', {
      code: 'recipe/plugins-do-not-fit',
      where: `recipe ${names.join('+')}`,
      details,
    });
}
