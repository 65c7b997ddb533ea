/** A client of the chat as the tests need it: a real WebSocket that keeps every frame it gets. */
import { onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { until } from '../until.js';

export interface Frame {
  readonly type: 'room' | 'message' | 'presence' | 'left' | 'error';
  readonly room: string;
  readonly code: string;
  readonly sequence: number;
  readonly nick: string;
  readonly text: string;
  readonly change: string;
  readonly members: readonly { readonly nick: string; readonly idle: boolean }[];
  readonly history: readonly { readonly text: string }[];
}

export class ChatClient {
  readonly frames: Frame[] = [];
  /** The code with which the other side closed, once it has. */
  closedWith: number | undefined;
  readonly socket: WebSocket;

  private constructor(socketUrl: string, autoPong: boolean) {
    this.socket = new WebSocket(socketUrl, { autoPong, perMessageDeflate: false });
    this.socket.on('message', (data) => void this.frames.push(JSON.parse(String(data)) as Frame));
    this.socket.on('close', (code) => void (this.closedWith = code));
    onTestFinished(() => this.socket.terminate());
  }

  static async open(socketUrl: string, { autoPong = true } = {}): Promise<ChatClient> {
    const client = new ChatClient(socketUrl, autoPong);
    await new Promise((resolve, reject) => client.socket.once('open', resolve).once('error', reject));
    client.socket.on('error', () => undefined);
    return client;
  }

  send(frame: object): void {
    this.socket.send(JSON.stringify(frame));
  }

  /** Resolves when it is in the room. */
  async join(room: string, nick: string): Promise<this> {
    this.send({ type: 'join', room, nick });
    await until(() => this.frames.some((frame) => frame.type === 'room' && frame.room === room));
    return this;
  }

  say(room: string, text: string): void {
    this.send({ type: 'say', room, text });
  }

  texts(room: string): string[] {
    return this.frames.filter((frame) => frame.type === 'message' && frame.room === room).map(({ text }) => text);
  }

  /** Presence of others as `nick change`, in order. */
  presence(room: string): string[] {
    return this.frames.filter((frame) => frame.type === 'presence' && frame.room === room).map(({ nick, change }) => `${nick} ${change}`);
  }

  errors(): string[] {
    return this.frames.filter(({ type }) => type === 'error').map(({ code }) => code);
  }

  /** Who is there, as a page would show it: the last frame `room` and what came after it. */
  members(room: string): string[] {
    const members = new Set<string>();
    for (const frame of this.frames.filter((candidate) => candidate.room === room)) {
      if (frame.type === 'room') {
        members.clear();
        for (const { nick } of frame.members) members.add(nick);
      } else if (frame.change === 'left' || frame.change === 'lost') members.delete(frame.nick);
      else if (frame.type === 'presence') members.add(frame.nick);
    }
    return [...members].sort();
  }
}
