import { flagsFromSchema } from '@likeness/core';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { commanderOptions, groupOf, GROUPS, operandsOf, rawValues, saidFlags } from './runFlags.ts';

const flags = flagsFromSchema();

function parse(...args: string[]): ReturnType<typeof saidFlags> {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  for (const flag of flags) for (const option of commanderOptions(flag)) command.addOption(option);
  return saidFlags(command.parse(args, { from: 'user' }).opts(), flags);
}

describe('flags', () => {
  it('say what was typed, and nothing else', () => {
    const said = parse('--max-train-steps', '3', '--no-samples', '--sample-prompt', 'a', '--sample-prompt=b');
    expect(Object.entries(said).filter(([, value]) => value !== undefined)).toEqual([
      ['max-train-steps', '3'],
      ['samples', false],
      ['sample-prompt', ['a', 'b']],
    ]);
  });

  it('keep what was said twice, for an error', () => {
    expect(parse('--seed', '1', '--seed', '2')['seed']).toEqual(['1', '2']);
  });

  it('can switch both ways', () => {
    expect(parse('--captions')['captions']).toBe(true);
    expect(parse('--no-captions')['captions']).toBe(false);
    expect(parse()['captions']).toBeUndefined();
  });

  it('refuse a choice that is none', () => {
    expect(() => parse('--mode', 'fast')).toThrow('Allowed choices are auto, xla, graph, eager');
  });

  it('stand under headings that name none that is gone', () => {
    const names = flags.map(({ name }) => name);
    expect(
      Object.values(GROUPS)
        .flat()
        .filter((name) => !names.includes(name)),
    ).toEqual([]);
    expect(groupOf({ owner: 'core', name: 'brandNew' })).toBe('More:');
    expect(groupOf({ owner: 'lora', name: 'rank' })).toBe('Options of lora:');
  });
});

describe('a command line before its flags are known', () => {
  const isSwitch = (flag: string): boolean => flag === '--json';

  it('still tells its operands', () => {
    expect(operandsOf(['--json', 'dreambooth', '--seed', '1'], isSwitch)).toEqual(['dreambooth']);
    expect(operandsOf(['--seed', '1', 'dreambooth'], isSwitch)).toEqual(['dreambooth']);
    expect(operandsOf(['--seed=1', 'dreambooth', '--', '--json'], isSwitch)).toEqual([
      'dreambooth',
      '--json',
    ]);
  });

  it('tells the values of a flag', () => {
    expect(rawValues(['--plugin', 'a', '--plugin=b', '--plugins', 'c'], '--plugin')).toEqual(['a', 'b']);
  });
});
