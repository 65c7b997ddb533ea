/** Bare WebSockets with MessagePack by msgpackr. */
import { CODECS } from './codecs.mjs';
import { runPeer } from './ws-peer.mjs';

export const run = (size, report) => runPeer(CODECS.msgpackr, size, report);
