/** Bare WebSockets with JSON. */
import { CODECS } from './codecs.mjs';
import { runPeer } from './ws-peer.mjs';

export const run = (size, report) => runPeer(CODECS.JSON, size, report);
