/**
 * What an operator may do to an agent, if the console has a token: pause, resume and stop it. The token comes in the Authorization header, which no page of another
 * site can send along; it is compared in a time that does not depend on it. Every attempt is logged with who made it.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { NexusError } from '../errors.js';
import { type Answer, jsonAnswer } from '../gateway/answer.js';
import type { GatewayRequest } from '../gateway/exchange.js';
import { GatewayError } from '../gateway/gateway-error.js';
import type { Logger } from '../model/agent-context.js';
import type { ConsoleNexus } from './console-nexus.js';
import type { ResolvedConsoleOptions } from './console-options.js';
import type { ConsoleAction } from './protocol.js';

/** Log lines about refusals: whoever guesses must not fill the disk. */
const REFUSAL_LINES_MS = 1000;

export interface ConsoleActionsNeeds {
  readonly nexus: Pick<ConsoleNexus, 'find' | 'pause' | 'resume' | 'cluster' | 'drain'>;
  readonly options: Pick<ResolvedConsoleOptions, 'token' | 'actions'>;
  readonly logger: Logger;
  nowMs(): number;
}

export class ConsoleActions {
  readonly #needs: ConsoleActionsNeeds;
  #refusedMs = Number.NEGATIVE_INFINITY;
  #refusals = 0;

  constructor(needs: ConsoleActionsNeeds) {
    this.#needs = needs;
  }

  /** @throws GatewayError GATEWAY_ACTION_REFUSED, GATEWAY_TOKEN_INVALID */
  async perform(action: ConsoleAction, id: string, request: GatewayRequest): Promise<Answer> {
    const { nexus, logger } = this.#needs;
    const { remoteAddress } = request;
    this.#check(action, id, request);
    const agent = nexus.find(id);
    if (agent === undefined) throw new NexusError('NEXUS_AGENT_NOT_FOUND', `there is no agent '${id}' to ${action}`, { data: { id } });
    const { kind } = agent;
    try {
      if (action === 'stop') await agent.stop();
      else await nexus[action](agent);
    } catch (error) {
      logger.warn({ action, id, kind, remoteAddress, error }, 'an action of the console failed');
      throw error;
    }
    logger.info({ action, id, kind, remoteAddress }, 'an action of the console');
    return jsonAnswer(200, { id, kind, action, done: true });
  }

  /** Empties the node and stops it: whoever may stop its agents may. Answers when it has begun. @throws as `perform` */
  drain(request: GatewayRequest): Answer {
    const { nexus, logger } = this.#needs;
    const { remoteAddress } = request;
    this.#check('stop', 'all agents', request);
    const { cluster } = nexus;
    if (cluster === undefined || nexus.drain === undefined)
      throw new GatewayError('GATEWAY_ACTION_REFUSED', 403, 'this service is no node of a cluster, so that its agents have nowhere to go: stop it instead', {
        data: { action: 'drain' },
      });
    logger.info({ action: 'drain', remoteAddress }, 'an action of the console');
    nexus.drain().catch((error: unknown) => logger.error({ error }, 'the node could not be drained'));
    return jsonAnswer(202, { node: cluster.snapshot().self.name, draining: true });
  }

  #check(action: ConsoleAction, id: string, { headers, remoteAddress }: GatewayRequest): void {
    const { token, actions } = this.#needs.options;
    if (token === undefined) {
      throw new GatewayError(
        'GATEWAY_ACTION_REFUSED',
        403,
        'the console is read-only: give it a token with startGateway(nexus, { console: { token } }), or NEXUS_CONSOLE_TOKEN in the environment of `nexus run`',
        { data: { action } },
      );
    }
    if (!actions.includes(action)) {
      throw new GatewayError(
        'GATEWAY_ACTION_REFUSED',
        403,
        `the console may not ${action} agents: its option actions allows ${actions.join(', ') || 'nothing'}`,
        {
          data: { action, actions },
        },
      );
    }
    const given = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
    if (given !== undefined && isSame(given, token)) return;
    this.#logRefusal(action, id, remoteAddress, given === undefined);
    throw new GatewayError(
      'GATEWAY_TOKEN_INVALID',
      401,
      `${given === undefined ? 'send the token of the console' : 'this is not the token of the console'}: Authorization: Bearer TOKEN`,
      {
        headers: { 'www-authenticate': given === undefined ? 'Bearer' : 'Bearer error="invalid_token"' },
      },
    );
  }

  #logRefusal(action: ConsoleAction, id: string, remoteAddress: string | undefined, isMissing: boolean): void {
    const nowMs = this.#needs.nowMs();
    this.#refusals++;
    if (nowMs - this.#refusedMs < REFUSAL_LINES_MS) return;
    this.#needs.logger.warn(
      { action, id, remoteAddress, refusals: this.#refusals },
      `an action of the console was refused: ${isMissing ? 'no token' : 'a wrong token'}`,
    );
    this.#refusedMs = nowMs;
    this.#refusals = 0;
  }
}

function isSame(given: string, token: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}
