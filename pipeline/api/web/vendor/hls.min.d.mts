/** The part of hls.js that the page uses; the script beside it is as published, this file is ours. */

export interface Level {
  height: number;
  bitrate: number;
}

export interface HlsError {
  fatal: boolean;
  type: string;
  details: string;
  response?: { code: number };
}

export default class Hls {
  static isSupported(): boolean;
  constructor(config: Record<string, unknown>);
  levels: Level[];
  nextLevel: number;
  startLevel: number;
  readonly currentLevel: number;
  readonly autoLevelEnabled: boolean;
  audioTracks: { name: string; lang?: string }[];
  audioTrack: number;
  on(event: string, listener: (event: string, data: any) => void): void;
  loadSource(address: string): void;
  attachMedia(media: HTMLMediaElement): void;
  recoverMediaError(): void;
  destroy(): void;
}
