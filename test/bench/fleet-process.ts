/** Fake agents in a process of their own, each on a websocket over TLS. */
import { WebSocket } from 'ws';
import { AGENT_PATH, type Socket } from '../../controller/gateway/socket.ts';
import { answer } from './child.ts';
import { assemble, realClock, respond } from './fleet.ts';

export interface FleetRequests {
  assemble(url: string, token: string, count: number): Promise<void>;
}

const LOOK_EVERY_MS = 5;
const LANES = 16;
const sockets = new Set<WebSocket>();

/** A fake agent's in-memory socket, carried over a real one. */
function dial(url: string): (socket: Socket) => void {
  return (socket) => {
    const webSocket = new WebSocket(url, { rejectUnauthorized: false, perMessageDeflate: false });
    sockets.add(webSocket);
    const waiting: Uint8Array[] = [];
    socket.onMessage = (bytes) => void (bytes && waiting.push(bytes));
    webSocket.on('open', () => {
      socket.onMessage = (bytes) => bytes && webSocket.send(bytes);
      for (const bytes of waiting) webSocket.send(bytes);
    });
    webSocket.on('message', (data: Buffer) => socket.send(data));
    webSocket.on('error', () => webSocket.terminate());
    webSocket.on('close', () => {
      sockets.delete(webSocket);
      socket.close(0, '');
    });
  };
}

let timer: NodeJS.Timeout | undefined;

const requests: FleetRequests = {
  async assemble(url, token, count) {
    const door = `${url.replace(/^http/, 'ws')}${AGENT_PATH}`;
    const members = await assemble(token, count, LANES, dial(door), realClock());
    timer = setInterval(() => {
      for (const member of members) respond(member);
    }, LOOK_EVERY_MS);
  },
};

answer({ ...requests }, () => {
  clearInterval(timer);
  for (const socket of sockets) socket.terminate();
});
