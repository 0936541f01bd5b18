// The windows of token ids that a model is calibrated and evaluated on, and the checksum by which a run record says
// exactly which ones they were.

import { nodeCrypto } from '../node.js';

export { type CalibrationOptions, calibrationWindows } from './calibration.js';
export { type EvaluationOptions, type EvaluationWindows, evaluationWindows } from './evaluation.js';

/** SHA-256 (hex) of all ids of all windows as little-endian int32, one window after the other. */
export function windowsSha256(windows: readonly ArrayLike<number>[]): string {
  const hash = nodeCrypto().createHash('sha256');
  for (const window of windows) {
    const bytes = Buffer.alloc(4 * window.length);
    for (let i = 0; i < window.length; i++) bytes.writeInt32LE(window[i], 4 * i);
    hash.update(bytes);
  }
  return hash.digest('hex');
}
