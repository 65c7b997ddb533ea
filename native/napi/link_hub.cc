#include "link_hub.hpp"

#if defined(__linux__)

#include <errno.h>
#include <sched.h>

#include <algorithm>

#include "arguments.hpp"

namespace nexus::napi {

namespace {

/** Of each lane in one turn, so that a lower one has its part however much there is on a higher one. */
constexpr std::size_t kTurnBytes[layout::kLinkLanes] = {131072, 196608, 196608};
static_assert(131072 + 2 * 196608 <= kLinkBufferBytes && 131072 >= layout::kLinkFrameBytesMax, "a turn fits the buffer, and a frame fits a turn");
constexpr std::size_t kTurnFrames[layout::kLinkLanes] = {1024, 1536, 2048};
constexpr int kMessagesInATurn = 64;
/** Of one drain that goes on for as long as there is more, and of the look for that. */
constexpr std::uint64_t kDrainNanoseconds = 100'000;
constexpr std::uint64_t kDrainSpinNanoseconds = 3'000;
/** As for threads (waiter.hpp): an answer of somebody who sleeps takes longer. */
constexpr std::uint64_t kReplySpins = 4;

/** Of the processor this thread runs on, from 1; 0 if nobody knows. It may be another one already when this returns. */
std::uint32_t CurrentProcessor() {
  const int processor = sched_getcpu();
  return processor < 0 ? 0 : static_cast<std::uint32_t>(processor) + 1;
}

template <class Handle>
uv_handle_t* AsHandle(Handle* handle) {
  return reinterpret_cast<uv_handle_t*>(handle);
}

}  // namespace

LinkHub* LinkHub::Start(napi_env env, Environment* environment, napi_value notify, napi_value buffer, napi_value table, double spin_microseconds) {
  auto* hub = new LinkHub(env, environment);
  hub->spin_nanoseconds_ = spin_microseconds > 0 ? static_cast<std::uint64_t>(spin_microseconds * 1000) : 0;
  if (!Ok(napi_get_uv_event_loop(env, &hub->loop_)) || !hub->notifier_.Hold(notify, buffer, table)) {
    hub->notifier_.Release();
    delete hub;
    return nullptr;
  }
  uv_prepare_init(hub->loop_, &hub->prepare_);
  uv_check_init(hub->loop_, &hub->check_);
  uv_idle_init(hub->loop_, &hub->idle_);
  hub->prepare_.data = hub->check_.data = hub->idle_.data = hub;
  hub->open_handles_ = 3;
  const auto hook = [](napi_async_cleanup_hook_handle, void* data) { static_cast<LinkHub*>(data)->Stop(); };
  if (!Ok(napi_add_async_cleanup_hook(env, hook, hub, &hub->cleanup_))) {
    hub->Stop();
    return nullptr;
  }
  return hub;
}

void LinkHub::Stop() {
  if (stopped_) return;
  for (Endpoint* endpoint : endpoints_) {
    if (endpoint != nullptr) Close(endpoint);
  }
  stopped_ = true;
  environment_->Forget(this);
  notifier_.Release();
  const auto closed = [](uv_handle_t* handle) { static_cast<LinkHub*>(handle->data)->OnHandleClosed(); };
  uv_close(AsHandle(&prepare_), closed);
  uv_close(AsHandle(&check_), closed);
  uv_close(AsHandle(&idle_), closed);
}

void LinkHub::OnHandleClosed() {
  if (--open_handles_ > 0) return;
  // Either cancels the hook or, if the environment is ending and waits for it, completes it.
  if (cleanup_ != nullptr) napi_remove_async_cleanup_hook(cleanup_);
  delete this;
}

int LinkHub::Listen(const std::uint8_t* name, std::size_t length) {
  Descriptor socket;
  const int outcome = ListenOnName(name, length, &socket);
  return outcome < 0 ? outcome : Add(std::move(socket), true);
}

int LinkHub::Connect(const std::uint8_t* name, std::size_t length) {
  Descriptor socket;
  int outcome = ConnectToName(name, length, &socket);
  if (outcome == 0) outcome = IsSameUser(socket) == 1 ? 0 : -EPERM;
  return outcome < 0 ? outcome : Add(std::move(socket), false);
}

int LinkHub::Add(Descriptor socket, bool is_listener) {
  auto* endpoint = new Endpoint();
  endpoint->hub = this;
  endpoint->id = static_cast<std::uint32_t>(endpoints_.size());
  endpoint->is_listener = is_listener;
  endpoint->socket = std::move(socket);
  const int status = uv_poll_init(loop_, &endpoint->poll, endpoint->socket.Get());
  if (status != 0) {
    delete endpoint;
    return status;
  }
  endpoint->poll.data = endpoint;
  open_handles_++;
  endpoints_.push_back(endpoint);
  uv_poll_start(&endpoint->poll, UV_READABLE | UV_DISCONNECT, [](uv_poll_t* poll, int poll_status, int) {
    auto* ready = static_cast<Endpoint*>(poll->data);
    ready->hub->OnSocket(ready, poll_status);
  });
  // Waiting keeps no process alive.
  uv_unref(AsHandle(&endpoint->poll));
  return static_cast<int>(endpoint->id);
}

LinkHub::Endpoint* LinkHub::FindLink(std::uint32_t id) const {
  Endpoint* endpoint = Find(id);
  return endpoint != nullptr && endpoint->mapping.IsMapped() ? endpoint : nullptr;
}

int LinkHub::Send(std::uint32_t id, const std::uint8_t* bytes, std::size_t length) {
  Endpoint* endpoint = Find(id);
  return endpoint == nullptr ? -EBADF : SendMessage(endpoint->socket, bytes, length, nullptr);
}

int LinkHub::Offer(std::uint32_t id, std::uint32_t ring_bytes, const std::uint8_t* bytes, std::size_t length) {
  Endpoint* endpoint = Find(id);
  if (endpoint == nullptr || endpoint->mapping.IsMapped()) return -EBADF;
  if (ring_bytes < layout::kLinkRingBytesMin || ring_bytes > layout::kLinkRingBytesMax || (ring_bytes & (ring_bytes - 1)) != 0) return -EINVAL;
  // Closed when this returns: the two mappings are what is left of it.
  Descriptor memory;
  int outcome = endpoint->mapping.Create(LinkMemoryBytes(ring_bytes), &memory);
  if (outcome == 0) {
    InitializeLinkMemory(endpoint->mapping.Base(), ring_bytes);
    outcome = SendMessage(endpoint->socket, bytes, length, &memory);
  }
  if (outcome == 0) {
    BecomeLink(endpoint, ring_bytes, 0);
  } else {
    endpoint->mapping.Unmap();
  }
  return outcome;
}

int LinkHub::Accept(std::uint32_t id) {
  Endpoint* endpoint = Find(id);
  if (endpoint == nullptr || endpoint->mapping.IsMapped() || !endpoint->memory.IsOpen()) return -EBADF;
  std::size_t bytes = 0;
  const int outcome = endpoint->mapping.Map(endpoint->memory, &bytes);
  endpoint->memory.Close();
  if (outcome != 0) return outcome;
  const std::uint32_t ring_bytes = CheckedRingBytes(endpoint->mapping.Base(), bytes);
  if (ring_bytes == 0) {
    endpoint->mapping.Unmap();
    return -EPROTO;
  }
  BecomeLink(endpoint, ring_bytes, 1);
  return 0;
}

void LinkHub::BecomeLink(Endpoint* endpoint, std::uint32_t ring_bytes, std::uint32_t side) {
  endpoint->link = LinkEnd<>(endpoint->mapping.Base(), ring_bytes, side);
  links_.push_back(endpoint->id);
  hot_ = true;
  if (links_.size() > 1) return;
  uv_prepare_start(&prepare_, [](uv_prepare_t* handle) { static_cast<LinkHub*>(handle->data)->BeforePoll(); });
  uv_check_start(&check_, [](uv_check_t* handle) { static_cast<LinkHub*>(handle->data)->AfterPoll(); });
  uv_unref(AsHandle(&prepare_));
  uv_unref(AsHandle(&check_));
  uv_unref(AsHandle(&idle_));
}

int LinkHub::Write(std::uint32_t id, std::uint32_t lane, const std::uint8_t* bytes, std::size_t length, bool more_follows) {
  Endpoint* endpoint = FindLink(id);
  if (endpoint == nullptr || endpoint->error != 0 || endpoint->peer_gone) return -1;
  if (lane >= layout::kLinkLanes || length > layout::kLinkFrameBytesMax) return -1;
  FrameRingWriter<>& writer = endpoint->link.writers[lane];
  const auto size = static_cast<std::uint32_t>(length);
  RingOutcome outcome = writer.Offer(bytes, size);
  if (outcome == RingOutcome::kFull) {
    outcome = writer.RequestRoom(size);
    if (outcome == RingOutcome::kDone) outcome = writer.Offer(bytes, size);
    if (outcome == RingOutcome::kFull) endpoint->blocked |= 1u << lane;
  }
  if (outcome == RingOutcome::kBroken) {
    // Told by the next turn: not from within a call.
    endpoint->error = EPROTO;
    return -1;
  }
  if (!more_follows || outcome == RingOutcome::kFull) Wake(endpoint);
  return outcome == RingOutcome::kDone ? 1 : 0;
}

void LinkHub::FinishLane(std::uint32_t id, std::uint32_t lane) {
  Endpoint* endpoint = FindLink(id);
  if (endpoint == nullptr || lane >= layout::kLinkLanes || (endpoint->finished & 1u << lane) != 0) return;
  endpoint->finished |= 1u << lane;
  endpoint->link.writers[lane].End(layout::kLinkEndedFinished);
  endpoint->link.AskAttention();
  Wake(endpoint);
}

void LinkHub::End(std::uint32_t id) {
  if (Endpoint* endpoint = Find(id)) Close(endpoint);
}

void LinkHub::Wake(Endpoint* endpoint) {
  if (!endpoint->link.ClaimWake()) return;
  awaited_ = endpoint->id;
  // Without room there is a message there that wakes it; any other failure is told by the poll.
  SendWake(endpoint->socket);
}

void LinkHub::Close(Endpoint* endpoint) {
  endpoints_[endpoint->id] = nullptr;
  const auto at = std::find(links_.begin(), links_.end(), endpoint->id);
  if (at != links_.end()) {
    links_.erase(at);
    for (std::uint32_t lane = 0; lane < layout::kLinkLanes; lane++) {
      if ((endpoint->finished & 1u << lane) == 0) endpoint->link.writers[lane].End(layout::kLinkEndedAbandoned);
    }
    endpoint->link.AskAttention();
    Wake(endpoint);
    if (links_.empty()) {
      uv_prepare_stop(&prepare_);
      uv_check_stop(&check_);
      uv_idle_stop(&idle_);
      again_ = hot_ = parked_ = false;
    }
  }
  // Stops the poll at once, so that the socket may be closed.
  uv_close(AsHandle(&endpoint->poll), [](uv_handle_t* handle) {
    auto* closed = static_cast<Endpoint*>(handle->data);
    LinkHub* hub = closed->hub;
    delete closed;
    hub->OnHandleClosed();
  });
  endpoint->socket.Close();
  endpoint->memory.Close();
  endpoint->mapping.Unmap();
}

void LinkHub::CloseAndTell(Endpoint* endpoint, int reason) {
  const std::uint32_t id = endpoint->id;
  Close(endpoint);
  Notify(LinkEvent::kClosed, id, static_cast<std::uint32_t>(reason));
}

void LinkHub::OnSocket(Endpoint* endpoint, int status) {
  if (endpoint->is_listener) return AcceptAll(endpoint);
  if (status < 0) return CloseAndTell(endpoint, -status);
  if (!endpoint->mapping.IsMapped()) return ReceiveAll(endpoint->id);
  // That the poll has returned is what a wake-up is for: the frames come first, and it is read when they are done with.
  endpoint->is_rung = true;
  has_rung_ = true;
}

void LinkHub::AcceptAll(Endpoint* listener) {
  const std::uint32_t id = listener->id;
  for (int count = 0; count < kMessagesInATurn && Find(id) != nullptr; count++) {
    Descriptor socket;
    if (AcceptSocket(listener->socket, &socket) != 0) return;
    // Whoever is another user is not worth an answer.
    if (IsSameUser(socket) != 1) continue;
    const int accepted = Add(std::move(socket), false);
    if (accepted > 0) Notify(LinkEvent::kAccepted, id, static_cast<std::uint32_t>(accepted));
  }
}

void LinkHub::ReceiveAll(std::uint32_t id) {
  for (int count = 0; count < kMessagesInATurn; count++) {
    Endpoint* endpoint = Find(id);
    if (endpoint == nullptr) return;
    ReceivedMessage message;
    const int outcome = ReceiveMessage(endpoint->socket, &message);
    if (outcome == -EAGAIN || outcome == -EINTR) return;
    const bool is_link = endpoint->mapping.IsMapped();
    if (outcome == 1) {
      // On a link it is a wake-up, whatever is in it.
      if (is_link) continue;
      endpoint->memory = std::move(message.memory);
      std::copy(message.bytes, message.bytes + message.length, notifier_.Buffer());
      Notify(LinkEvent::kMessage, id, static_cast<std::uint32_t>(message.length), endpoint->memory.IsOpen() ? 1 : 0);
      continue;
    }
    if (!is_link) return CloseAndTell(endpoint, -outcome);
    // What is in the rings comes first; the hook after the poll sees to it.
    endpoint->peer_gone = true;
    uv_poll_stop(&endpoint->poll);
    return;
  }
}

/** Before the next poll, which would return at once otherwise. One message of each, so that a peer that sends many gets no more turns than others. */
void LinkHub::ReadWakes() {
  has_rung_ = false;
  for (const std::uint32_t id : links_) {
    Endpoint* endpoint = endpoints_[id];
    if (!endpoint->is_rung) continue;
    endpoint->is_rung = false;
    const int outcome = ReceiveWake(endpoint->socket);
    if (outcome == 1 || outcome == -EAGAIN || outcome == -EINTR) continue;
    // What is in the rings comes first: the next drain sees to both.
    endpoint->peer_gone = true;
    uv_poll_stop(&endpoint->poll);
  }
}

bool LinkHub::HasWork() const {
  for (const std::uint32_t id : links_) {
    const Endpoint* endpoint = endpoints_[id];
    if (endpoint->peer_gone || endpoint->error != 0 || endpoint->link.HasWork()) return true;
  }
  return false;
}

void LinkHub::BeforePoll() {
  drained_ = false;
  uv_idle_stop(&idle_);
  if (again_ || HasWork()) return DrainBeforePoll();
  // The poll will return at once, and the look afterwards is enough.
  if (uv_backend_timeout(loop_) == 0) return;
  const bool awaits_reply = awaited_ != 0 && has_other_cores_;
  awaited_ = 0;
  if (awaits_reply && FindsWork(&reply_spin_, spin_nanoseconds_ * kReplySpins)) return DrainBeforePoll();
  if (hot_ && FindsWork(&message_spin_, spin_nanoseconds_)) return DrainBeforePoll();
  hot_ = false;
  for (std::size_t at = 0; at < links_.size(); at++) {
    if (endpoints_[links_[at]]->link.TryPark()) continue;
    for (std::size_t parked = 0; parked < at; parked++) endpoints_[links_[parked]]->link.Unpark();
    return DrainBeforePoll();
  }
  parked_ = true;
}

bool LinkHub::FindsWork(SpinPolicy* policy, std::uint64_t nanoseconds) {
  if (nanoseconds == 0 || !policy->ShouldSpin()) return false;
  const std::uint64_t deadline = uv_hrtime() + nanoseconds;
  // Of a peer that has just been woken nothing comes at once.
  if (policy == &reply_spin_) YieldWhileLooking();
  bool found = HasWork();
  bool interrupted = false;
  while (!found && !interrupted && uv_hrtime() < deadline) {
    for (int look = 0; look < 16 && !found; look++) {
      SpinPause();
      found = HasWork();
    }
    if (found) break;
    // The rings of threads are not to wait for those of processes.
    interrupted = environment_->WaitersHaveWork();
    if (!interrupted) YieldWhileLooking();
  }
  LookOn(0);
  if (found) {
    policy->Succeeded();
  } else if (!interrupted) {
    policy->Failed();
  }
  return found;
}

/** The peer may have been put on this very core, behind the one that waits for it. It is told where that is, and comes back at once when it has answered. */
void LinkHub::YieldWhileLooking() {
  LookOn(CurrentProcessor());
  SpinYield();
}

void LinkHub::LookOn(std::uint32_t processor) {
  if (processor == looks_on_) return;
  looks_on_ = processor;
  for (const std::uint32_t id : links_) endpoints_[id]->link.LookOn(processor);
}

void LinkHub::DrainBeforePoll() {
  // The poll that follows serves timers and sockets without blocking, while the peers work on what the drain sends them.
  uv_idle_start(&idle_, [](uv_idle_t*) {});
  uv_unref(AsHandle(&idle_));
  drained_ = true;
  Drain();
}

void LinkHub::AfterPoll() {
  if (parked_) {
    parked_ = false;
    for (const std::uint32_t id : links_) endpoints_[id]->link.Unpark();
  }
  // One drain in each turn of the event loop.
  if (!drained_ && (again_ || HasWork())) Drain();
  if (has_rung_) ReadWakes();
}

void LinkHub::Drain() {
  hot_ = true;
  std::uint64_t end = 0;
  do {
    again_ = false;
    // A callback may open and end links.
    served_ = links_;
    for (const std::uint32_t id : served_) Serve(id);
    // The answer to what has just gone out may be there before a turn of the event loop would be over, and that costs more than to look. But timers and sockets have their turn.
    if (again_) return;
    GiveWay();
    if (!has_other_cores_ || spin_nanoseconds_ == 0) return;
    const std::uint64_t now = uv_hrtime();
    if (end == 0) end = now + kDrainNanoseconds;
    if (now >= end || !FindsWork(&drain_spin_, kDrainSpinNanoseconds)) return;
  } while (!stopped_);
}

/** A peer that looks for what this drain has sent on the very processor that this thread runs on goes on before the event loop does: what is left of its turn, and going to sleep, can wait. */
void LinkHub::GiveWay() const {
  for (const std::uint32_t id : links_) {
    const std::uint32_t there = endpoints_[id]->link.PeerLooksOn();
    if (there != 0 && there == CurrentProcessor()) return SpinYield();
  }
}

void LinkHub::Serve(std::uint32_t id) {
  Endpoint* endpoint = FindLink(id);
  if (endpoint == nullptr || stopped_) return;
  // Before the work that it asks for is looked for.
  const bool attention = endpoint->link.TakeAttention();
  std::uint32_t ended[layout::kLinkLanes];
  // Before the rings are read: what was published before the end is there then.
  for (std::uint32_t lane = 0; lane < layout::kLinkLanes; lane++) {
    ended[lane] = endpoint->link.readers[lane].Ended();
    if (ended[lane] == layout::kLinkEndedAbandoned) return CloseAndTell(endpoint, ECANCELED);
  }
  const std::uint32_t count = ReadFrames(endpoint);
  // It is here, if this is it.
  if (count > 0 && awaited_ == id) awaited_ = 0;
  if (count > 0) Notify(LinkEvent::kFrames, id, count);
  if ((endpoint = FindLink(id)) == nullptr) return;
  if (attention && endpoint->blocked != 0) {
    const std::uint32_t lanes = endpoint->blocked;
    endpoint->blocked = 0;
    Notify(LinkEvent::kRoom, id, lanes);
    if ((endpoint = FindLink(id)) == nullptr) return;
  }
  if (endpoint->error != 0) return CloseAndTell(endpoint, endpoint->error);
  bool has_data = false;
  for (std::uint32_t lane = 0; lane < layout::kLinkLanes; lane++) {
    if (endpoint->link.readers[lane].HasData()) {
      has_data = true;
    } else if (ended[lane] == layout::kLinkEndedFinished && (endpoint->ended & 1u << lane) == 0) {
      endpoint->ended |= 1u << lane;
      Notify(LinkEvent::kLaneEnded, id, lane);
      if ((endpoint = FindLink(id)) == nullptr) return;
    }
  }
  if (has_data) {
    again_ = true;
  } else if (endpoint->peer_gone) {
    CloseAndTell(endpoint, 0);
  }
}

std::uint32_t LinkHub::ReadFrames(Endpoint* endpoint) {
  std::uint32_t count = 0;
  std::size_t filled = 0;
  bool asked = false;
  for (std::uint32_t lane = 0; lane < layout::kLinkLanes && endpoint->error == 0; lane++) {
    const std::size_t end = filled + kTurnBytes[lane];
    bool is_too_large = false;
    const RingOutcome outcome = endpoint->link.readers[lane].Read([&](std::uint32_t length) -> std::uint8_t* {
      is_too_large = length > layout::kLinkFrameBytesMax;
      if (is_too_large || count == kTurnFrames[lane] || filled + length > end) return nullptr;
      std::uint32_t* row = notifier_.Row(count++);
      row[0] = lane;
      row[1] = static_cast<std::uint32_t>(filled);
      row[2] = length;
      std::uint8_t* to = notifier_.Buffer() + filled;
      filled = std::min(end, filled + ((length + 7) & ~std::size_t{7}));
      return to;
    });
    if (outcome == RingOutcome::kBroken || is_too_large) endpoint->error = EPROTO;
    if (endpoint->link.readers[lane].TakeRoomRequest()) asked = true;
  }
  if (asked) {
    endpoint->link.AskAttention();
    Wake(endpoint);
  }
  return count;
}

void LinkHub::Notify(LinkEvent event, std::uint32_t id, std::uint32_t a, std::uint32_t b) {
  if (!stopped_) notifier_.Tell(event, id, a, b);
}

}  // namespace nexus::napi

#endif
