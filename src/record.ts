// What every record and result of this project says of its making.

import type { BackendInfo } from './backend/backend.js';
import { version } from './version.js';

export interface EngineRecord extends BackendInfo {
  node: string;
  platform: string;
}

/** What a backend and this process say of themselves in a record. */
export function engineRecord(info: BackendInfo): EngineRecord {
  return { ...info, node: process.version, platform: `${process.platform}-${process.arch}` };
}

/** The frame of a record: the contract's number, this package's version, now as ISO time. */
export function recordHead(): { schema: 1; version: string; created: string } {
  return { schema: 1, version, created: new Date().toISOString() };
}

/** Largest resident memory of this process so far, in bytes. */
export function peakRssBytes(): number {
  return process.resourceUsage().maxRSS * 1024;
}
