import { describe, expect, it } from 'vitest';
import { lastLines, runCommand } from './command.ts';

describe('runCommand', () => {
  it('collects both streams and hands on whole lines', async () => {
    const lines: string[] = [];
    const script =
      'process.stdout.write("a\\nb"); process.stdout.write("c\\n"); console.error("e"); process.exitCode = 3';
    const result = await runCommand(process.execPath, ['-e', script], { onLine: (line) => lines.push(line) });
    expect(result).toEqual({ status: 3, stdout: 'a\nbc\n', stderr: 'e\n' });
    expect(lines).toEqual(['a', 'bc']);
  });

  it('says 127 for a command that is not there', async () => {
    expect((await runCommand('no-such-command-here', [])).status).toBe(127);
  });
});

describe('lastLines', () => {
  it('keeps the end', () => {
    expect(lastLines('1\n2\n3\n', 2)).toBe('2\n3');
  });
});
