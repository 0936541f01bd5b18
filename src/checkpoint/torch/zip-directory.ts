// Where the entries of a zip file lie. torch.save stores its entries uncompressed, so that each is a stretch of the file
// that can be read by itself; yauzl reads the directory, and reads it through a reader that never leaves the file.

import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from 'yauzl';
import { CheckpointError } from '../../errors.js';
import { quoted } from '../../quoted.js';
import type { ByteFile } from '../byte-file.js';
import type { Stretch } from './state-dict.js';

/** Two to a tensor would be many. */
const maxEntries = 100_000;

/** The data of every entry, by name. Throws a CheckpointError for a file that is damaged, or not as torch.save writes it. */
export async function zipDirectory(file: ByteFile, fileBytes: number, path: string): Promise<Map<string, Stretch>> {
  const fail = (expected: string, got: string, cause?: unknown) =>
    new CheckpointError({ expected, got, where: path, cause });
  const entries = new Map<string, Stretch>();
  let zip: ZipFile | undefined;
  try {
    // Without names as texts: yauzl would take another name from a field that PyTorch does not look at.
    const options = { autoClose: false, decodeStrings: false };
    zip = await fromRandomAccessReaderPromise(new HandleReader(file, fileBytes), fileBytes, options);
    if (zip.entryCount > maxEntries) throw fail(`a zip file of at most ${maxEntries} entries`, `${zip.entryCount}`);
    for await (const entry of zip.eachEntry()) {
      const name = Buffer.from(entry.fileNameRaw).toString('utf8');
      if (entry.compressionMethod !== 0 || entry.isEncrypted())
        throw fail('entries stored as they are', `${quoted(name)} ${coded(entry)}; save the weights again`);
      if (entries.has(name)) throw fail('each entry once', `${quoted(name)} twice`);
      const { fileDataStart: begin } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
      entries.set(name, { begin, end: begin + entry.uncompressedSize });
    }
    return entries;
  } catch (error) {
    if (error instanceof CheckpointError) throw error;
    throw fail('a whole zip file; download the file again', quoted((error as Error).message), error);
  } finally {
    zip?.close();
  }
}

const coded = (entry: Entry) => (entry.isEncrypted() ? 'encrypted' : 'compressed');

/** Reads through the handle that the file is open by, and leaves it open. */
class HandleReader extends RandomAccessReader {
  constructor(
    private readonly file: ByteFile,
    private readonly fileBytes: number,
  ) {
    super();
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    // Asked here: an offset beyond 2^53 would be thrown by Node out of a callback, where nobody can catch it.
    const outside = () => callback(new Error(`offset ${position} is outside the file`));
    if (position + length > this.fileBytes) outside();
    else
      this.file
        .fill(position, buffer.subarray(offset, offset + length), this.file.path)
        .then(() => callback(null), outside);
  }
}
