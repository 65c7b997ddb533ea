/**
 * The page: one room at a time. Text of others goes into the document as text (`textContent`), never as markup. A connection that is lost is made again, and
 * enters the room it was in.
 */
const LINES_MAX = 500;
const TYPING_SHOWN_MS = 3000;
const TYPING_TOLD_EVERY_MS = 2000;
const RETRY_MS_MAX = 10_000;

const [joinForm, sayForm, leaveButton, status, messages, memberList, typingLine] = ['join', 'say', 'leave', 'status', 'messages', 'members', 'typing'].map(
  (id) => document.getElementById(id),
);
/** @type {WebSocket} */
let socket;
let retryMs = 250;
/** What we want to be in, also after the connection was lost. @type {{ room: string, nick: string } | undefined} */
let wanted;
/** Nick to whether it is idle. @type {Map<string, boolean>} */
let members = new Map();
/** Messages on the page: what is told again is not shown again. A room that came back counts from 1, hence the time. */
const shown = new Set();
const keyOf = ({ sequence, epochMs }) => `${sequence}@${epochMs}`;
let typingToldMs = 0;
let typingTimer;

const NOTICES = { joined: 'has joined', left: 'has left', lost: 'has lost the connection' };

const receive = {
  room: ({ room, nick, members: present, history }) => {
    say(`You are in ${room} as ${nick}.`);
    members = new Map(present.map(({ nick, idle }) => [nick, idle]));
    for (const message of history) if (!shown.has(keyOf(message))) receive.message(message);
    showMembers();
    setInside(true);
  },
  message: ({ nick, text, epochMs, sequence }) => {
    const time = document.createElement('time');
    time.dateTime = new Date(epochMs).toISOString();
    time.textContent = new Date(epochMs).toLocaleTimeString();
    const name = document.createElement('b');
    name.textContent = nick;
    addLine([time, ' ', name, ' ', text], 'message', keyOf({ sequence, epochMs }));
    showTyping('');
  },
  presence: ({ nick, change }) => {
    if (change === 'typing') return nick === wanted?.nick ? undefined : showTyping(`${nick} is typing`);
    if (change === 'left' || change === 'lost') members.delete(nick);
    else members.set(nick, change === 'idle');
    showMembers();
    if (NOTICES[change] !== undefined) addLine([`${nick} ${NOTICES[change]}`], 'notice');
  },
  error: ({ code, message, issues }) => {
    say(issues === undefined ? message : issues.map(({ message }) => message).join('; '), true);
    if (code === 'nickTaken' || code === 'roomFull') leave();
  },
};

function connect() {
  socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/socket`);
  socket.onopen = () => {
    retryMs = 250;
    say('connected');
    if (wanted !== undefined) send({ type: 'join', ...wanted });
  };
  socket.onmessage = ({ data }) => {
    const { type, ...frame } = JSON.parse(data);
    // What is still on its way from a room that we have left is of no interest.
    if (frame.room === undefined || frame.room === wanted?.room) receive[type]?.(frame);
  };
  socket.onclose = ({ reason }) => {
    setInside(false);
    say(`not connected${reason === '' ? '' : `: ${reason}`}; trying again`, true);
    setTimeout(connect, retryMs * (0.5 + Math.random()));
    retryMs = Math.min(RETRY_MS_MAX, retryMs * 2);
  };
}

function send(frame) {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame));
}

function leave() {
  wanted = undefined;
  members = new Map();
  showMembers();
  setInside(false);
}

function setInside(isInside) {
  leaveButton.disabled = !isInside;
  for (const control of sayForm.elements) control.disabled = !isInside;
}

function say(text, isBad = false) {
  status.textContent = text;
  status.classList.toggle('bad', isBad);
}

function addLine(parts, className, key = '') {
  const line = document.createElement('li');
  line.className = className;
  line.dataset.key = key;
  line.append(...parts);
  messages.append(line);
  shown.add(key);
  if (messages.childElementCount > LINES_MAX) {
    shown.delete(messages.firstElementChild.dataset.key);
    messages.firstElementChild.remove();
  }
  messages.scrollTop = messages.scrollHeight;
}

function showMembers() {
  memberList.replaceChildren(
    ...[...members].sort().map(([nick, isIdle]) => {
      const item = document.createElement('li');
      item.textContent = isIdle ? `${nick} (idle)` : nick;
      item.className = isIdle ? 'idle' : '';
      return item;
    }),
  );
}

function showTyping(text) {
  typingLine.textContent = text;
  clearTimeout(typingTimer);
  if (text !== '') typingTimer = setTimeout(showTyping, TYPING_SHOWN_MS, '');
}

joinForm.addEventListener('submit', (event) => {
  event.preventDefault();
  const next = { room: joinForm.elements.room.value, nick: joinForm.elements.nick.value.trim() };
  if (wanted !== undefined) send({ type: 'leave', room: wanted.room });
  if (wanted?.room !== next.room) {
    messages.replaceChildren();
    shown.clear();
  }
  wanted = next;
  send({ type: 'join', ...next });
});
leaveButton.addEventListener('click', () => {
  send({ type: 'leave', room: wanted.room });
  leave();
  say('connected');
});
sayForm.addEventListener('submit', (event) => {
  event.preventDefault();
  const { text } = sayForm.elements;
  if (text.value.trim() !== '' && wanted !== undefined) send({ type: 'say', room: wanted.room, text: text.value });
  text.value = '';
});
sayForm.elements.text.addEventListener('input', () => {
  if (wanted === undefined || performance.now() - typingToldMs < TYPING_TOLD_EVERY_MS) return;
  typingToldMs = performance.now();
  send({ type: 'typing', room: wanted.room });
});

connect();
