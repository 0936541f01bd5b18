// Reads sentencepiece's tokenizer.model: a protocol buffer, of which a dozen fields are needed. Every length is checked
// against the bytes that are there; fields that nobody asks for are skipped.

import { DataError } from '../errors.js';

/** What sentencepiece calls a piece: its text, its score (the higher, the sooner it is merged), its kind. */
export interface Piece {
  text: string;
  score: number;
  type: PieceType;
}

/** Numbers as in the file. */
export const PieceType = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;
export type PieceType = (typeof PieceType)[keyof typeof PieceType];

/** A tokenizer.model, as far as it is needed; defaults are those of the format. */
export interface SentencePieceModel {
  pieces: Piece[];
  /** 1 unigram, 2 BPE, 3 word, 4 character. */
  modelType: number;
  byteFallback: boolean;
  whitespaceAsSuffix: boolean;
  /** Ids; below 0 where there is no such token. */
  unkId: number;
  bosId: number;
  eosId: number;
  /** Name of the normalization rules; `identity` for none. */
  normalization: string;
  hasCharsmap: boolean;
  addDummyPrefix: boolean;
  removeExtraWhitespaces: boolean;
  escapeWhitespaces: boolean;
  changesDecodedText: boolean;
}

type Value = number | Uint8Array;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The model that `bytes` hold.
 * @throws DataError where they are no protocol buffer with pieces
 */
export function readSentencePiece(bytes: Uint8Array, where: string): SentencePieceModel {
  const refuse = (got: string, cause?: unknown): never => {
    throw new DataError({ expected: 'a sentencepiece model (protocol buffer)', got, where, cause });
  };
  const model: SentencePieceModel = {
    pieces: [],
    modelType: 1,
    byteFallback: false,
    whitespaceAsSuffix: false,
    unkId: 0,
    bosId: 1,
    eosId: 2,
    normalization: '',
    hasCharsmap: false,
    addDummyPrefix: true,
    removeExtraWhitespaces: true,
    escapeWhitespaces: true,
    changesDecodedText: false,
  };
  const textOf = (value: Value) => utf8.decode(bytesOf(value));
  try {
    for (const [field, value] of fieldsOf(bytes)) {
      if (field === 1) model.pieces.push(readPiece(bytesOf(value), textOf));
      else if (field === 2)
        for (const [key, setting] of fieldsOf(bytesOf(value))) {
          if (key === 3) model.modelType = numberOf(setting);
          else if (key === 24) model.whitespaceAsSuffix = numberOf(setting) !== 0;
          else if (key === 35) model.byteFallback = numberOf(setting) !== 0;
          else if (key === 40) model.unkId = numberOf(setting);
          else if (key === 41) model.bosId = numberOf(setting);
          else if (key === 42) model.eosId = numberOf(setting);
        }
      else if (field === 3)
        for (const [key, setting] of fieldsOf(bytesOf(value))) {
          if (key === 1) model.normalization = textOf(setting);
          else if (key === 2) model.hasCharsmap = bytesOf(setting).length > 0;
          else if (key === 3) model.addDummyPrefix = numberOf(setting) !== 0;
          else if (key === 4) model.removeExtraWhitespaces = numberOf(setting) !== 0;
          else if (key === 5) model.escapeWhitespaces = numberOf(setting) !== 0;
        }
      else if (field === 5)
        for (const [key, setting] of fieldsOf(bytesOf(value)))
          if (key === 2) model.changesDecodedText = bytesOf(setting).length > 0;
    }
  } catch (error) {
    refuse((error as Error).message, error);
  }
  if (model.pieces.length === 0) refuse('one without pieces');
  return model;
}

function readPiece(bytes: Uint8Array, textOf: (value: Value) => string): Piece {
  const piece: Piece = { text: '', score: 0, type: PieceType.normal };
  for (const [field, value] of fieldsOf(bytes)) {
    if (field === 1) piece.text = textOf(value);
    else if (field === 2) {
      const four = bytesOf(value);
      if (four.length !== 4) throw new Error('a score that is no 32-bit float');
      piece.score = new DataView(four.buffer, four.byteOffset, 4).getFloat32(0, true);
    } else if (field === 3) piece.type = numberOf(value) as PieceType;
  }
  return piece;
}

function bytesOf(value: Value): Uint8Array {
  if (typeof value === 'number') throw new Error('a number in the place of bytes');
  return value;
}

function numberOf(value: Value): number {
  if (typeof value !== 'number') throw new Error('bytes in the place of a number');
  return value;
}

/** The fields of one message: varints as signed 32-bit numbers, everything else as its bytes. */
function* fieldsOf(bytes: Uint8Array): Generator<[field: number, value: Value]> {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (at >= bytes.length) throw new Error('a number that runs over the end');
      const byte = bytes[at++];
      if (shift < 32) value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
    throw new Error('a number of more than ten bytes');
  };
  const take = (length: number) => {
    if (length < 0 || length > bytes.length - at) throw new Error(`a field of ${length >>> 0} bytes, beyond the end`);
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = varint() >>> 0;
    const kind = tag & 7;
    if (kind === 0) yield [tag >>> 3, varint()];
    else if (kind === 1) yield [tag >>> 3, take(8)];
    else if (kind === 2) yield [tag >>> 3, take(varint())];
    else if (kind === 5) yield [tag >>> 3, take(4)];
    else throw new Error(`a field of the unknown kind ${kind}`);
  }
}
