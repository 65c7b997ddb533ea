/** Asks agents through the gateways of the nodes, over connections that are kept: one request, one answer or one code. */
import { Agent, request } from 'node:http';
import { type Answer, outcomeOf } from './operation-outcome.js';

/** Of the client: longer than the nodes take to give up. */
const REQUEST_MS = 6000;
const BODY_BYTES_MAX = 4_194_304;

export interface Reply extends Answer {
  readonly reply?: unknown;
}

export class GatewayClient {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });

  /** Resolves always. */
  async ask(url: string, path: string, body: unknown, isRead: boolean): Promise<Reply> {
    try {
      const { status, text } = await this.#send('POST', `${url}${path}`, body === undefined ? undefined : JSON.stringify(body));
      const answer = JSON.parse(text) as { reply?: unknown; error?: { code?: string } };
      if (status === 200) return { outcome: 'ok', code: 'ok', reply: answer.reply };
      return outcomeOf(answer.error?.code ?? `status ${status}`, isRead);
    } catch (error) {
      return outcomeOf((error as NodeJS.ErrnoException).code ?? (error instanceof SyntaxError ? 'no JSON' : 'failed'), isRead);
    }
  }

  /** Rejects if there is no answer with status 200 in time. */
  async get(url: string, path: string): Promise<string> {
    const { status, text } = await this.#send('GET', `${url}${path}`, undefined);
    if (status !== 200) throw new Error(`status ${status}`);
    return text;
  }

  close(): void {
    this.#agent.destroy();
  }

  #send(method: string, url: string, body: string | undefined): Promise<{ readonly status: number; readonly text: string }> {
    return new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
      const sent = request(url, { method, agent: this.#agent, headers }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
          if (text.length > BODY_BYTES_MAX) sent.destroy(Object.assign(new Error('the answer is too long'), { code: 'answer too long' }));
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
        response.on('error', reject);
      });
      const late = setTimeout(() => sent.destroy(Object.assign(new Error('no answer in time'), { code: 'no answer' })), REQUEST_MS);
      sent.on('error', reject).on('close', () => clearTimeout(late));
      sent.end(body);
    });
  }
}
