// Records of one size in one file: pictures decoded once, latents, text states. Read by range, so that a hundred
// thousand of them take no memory here; the system's page cache keeps what is read often.
import { open, stat } from 'node:fs/promises';
import { DataError } from '../errors.ts';

export interface RecordFile {
  readonly count: number;
  readonly recordBytes: number;
  /** The records, one after the other, in the order asked for. */
  read(indices: readonly number[]): Promise<Uint8Array<ArrayBuffer>>;
  close(): Promise<void>;
}

/** @throws DataError when the file is no whole number of records */
export async function openRecordFile(path: string, recordBytes: number): Promise<RecordFile> {
  const { size } = await stat(path);
  const count = size / recordBytes;
  if (!Number.isInteger(count)) {
    throw new DataError('the file does not hold whole records', {
      code: 'cache/damaged',
      where: path,
      expected: `a multiple of ${recordBytes} bytes`,
      got: `${size} bytes`,
    });
  }
  const file = await open(path, 'r');
  return {
    count,
    recordBytes,
    async read(indices) {
      const bytes = new Uint8Array(indices.length * recordBytes);
      await Promise.all(
        indices.map(async (index, row) => {
          if (index < 0 || index >= count)
            throw new RangeError(`record ${index} of ${count} records in ${path}`);
          const { bytesRead } = await file.read(bytes, row * recordBytes, recordBytes, index * recordBytes);
          if (bytesRead < recordBytes)
            throw new DataError('the file is cut short', { code: 'cache/damaged', where: path });
        }),
      );
      return bytes;
    },
    close: () => file.close(),
  };
}

/** Writes records as they come; any number of whole records may come at once. @returns how many were written */
export async function writeRecordFile(
  path: string,
  recordBytes: number,
  records: AsyncIterable<Uint8Array>,
): Promise<number> {
  const file = await open(path, 'w');
  let bytes = 0;
  try {
    for await (const record of records) {
      if (record.length % recordBytes !== 0)
        throw new RangeError(`expected a multiple of ${recordBytes} bytes, got ${record.length}`);
      await file.writeFile(record);
      bytes += record.length;
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return bytes / recordBytes;
}
