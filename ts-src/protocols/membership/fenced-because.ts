/** Why a node was fenced, as its operator reads it. */
import type { Exclusion } from '../views/views.js';

export function exclusionText({ number, why }: { readonly number: number; readonly why: Exclusion }): string {
  switch (why) {
    case 'removed':
      return `removed by the others in view ${number}`;
    case 'replaced':
      return `a newer incarnation of this name joined, as of view ${number}`;
    case 'otherSide':
      return `both sides of a partition have gone on, and the other one has come to view ${number}`;
  }
}

/** @param sinceMs how long ago this node last did anything */
export function leaseEndedText(sinceMs: number, leaseMs: number): string {
  if (sinceMs > leaseMs / 2) return `this process did not run for ${millisecondsText(sinceMs)} ms, and its lease has ended meanwhile`;
  return `no quorum of voters has answered for ${millisecondsText(leaseMs)} ms`;
}

/** Such as 5,000. */
function millisecondsText(durationMs: number): string {
  return String(Math.round(durationMs)).replace(/\B(?=(\d{3})+$)/g, ',');
}
