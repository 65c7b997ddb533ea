// The links of one JavaScript environment to other processes of the machine: their sockets in the event loop, and hooks around its poll as those of the waiter of a thread (waiter.hpp). Just before
// the poll it looks for frames, spins a little if there were some lately or if it has just woken a peer, and hands over what it finds; if there is nothing it parks. A parked side is woken by a
// message on the socket, which makes the poll return: the frames are handed over first, and the message is read when that is done, before the next poll. The socket also tells of the end of the
// peer, at once, however that came: what it had published before is handed over first. A side that spins says on which processor, and a peer that has drained its rings there gives way to it.
//
// Nothing here waits for a peer: a ring that is full is a result, a wake-up that finds no room on the socket is one that is there already. What was read is in the caller's buffer before the
// caller hears of it, and its place in the ring is free. All from the thread of the environment. The hub deletes itself when all of its handles are closed.
#pragma once
#include <node_api.h>
#include <uv.h>

#include <cstdint>
#include <vector>

#include "environment.hpp"
#include "link_notifier.hpp"
#include "link_socket.hpp"
#include "nexus/link_end.hpp"
#include "nexus/spin_policy.hpp"

namespace nexus::napi {

class LinkHub {
 public:
  /** Null if the environment is ending. @param notify, buffer, table as for LinkNotifier */
  static LinkHub* Start(napi_env env, Environment* environment, napi_value notify, napi_value buffer, napi_value table, double spin_microseconds);
  /** Closes everything. Idempotent. After it nothing is called again. */
  void Stop();

  /** Each returns the id of an endpoint, from 1, or -errno. */
  int Listen(const std::uint8_t* name, std::size_t length);
  int Connect(const std::uint8_t* name, std::size_t length);
  /** Sends a handshake message. */
  int Send(std::uint32_t id, const std::uint8_t* bytes, std::size_t length);
  /** As `Send`, with new memory for the link: from now on it is one. */
  int Offer(std::uint32_t id, std::uint32_t ring_bytes, const std::uint8_t* bytes, std::size_t length);
  /** Takes the memory that came: from now on it is a link. EPROTO if it is none of ours. */
  int Accept(std::uint32_t id);
  /** 1: sent; 0: full, and `kRoom` will be told; -1: it has ended. */
  int Write(std::uint32_t id, std::uint32_t lane, const std::uint8_t* bytes, std::size_t length, bool more_follows);
  /** Nothing more is sent on a lane, after what was. */
  void FinishLane(std::uint32_t id, std::uint32_t lane);
  /** Ends an endpoint. What the peer of a link has not read is not to be read any more, unless all lanes were finished. */
  void End(std::uint32_t id);

  bool HasWork() const;

 private:
  struct Endpoint {
    LinkHub* hub = nullptr;
    std::uint32_t id = 0;
    Descriptor socket;
    uv_poll_t poll;
    bool is_listener = false;
    Descriptor memory;
    SharedMapping mapping;
    LinkEnd<> link;
    /** There is something on the socket, which was not read yet. */
    bool is_rung = false;
    /** There is nobody at the other end. */
    bool peer_gone = false;
    /** What the peer has done wrong: EPROTO, or 0. */
    int error = 0;
    /** Lanes, as bits: on which something was refused as full; that are finished on this side; whose end was told. */
    std::uint32_t blocked = 0;
    std::uint32_t finished = 0;
    std::uint32_t ended = 0;
  };

  LinkHub(napi_env env, Environment* environment) : env_(env), environment_(environment), notifier_(env) {}
  int Add(Descriptor socket, bool is_listener);
  Endpoint* Find(std::uint32_t id) const { return id < endpoints_.size() ? endpoints_[id] : nullptr; }
  Endpoint* FindLink(std::uint32_t id) const;
  void BecomeLink(Endpoint* endpoint, std::uint32_t ring_bytes, std::uint32_t side);
  void Close(Endpoint* endpoint);
  void CloseAndTell(Endpoint* endpoint, int reason);
  void Wake(Endpoint* endpoint);
  void OnSocket(Endpoint* endpoint, int status);
  void AcceptAll(Endpoint* listener);
  void ReceiveAll(std::uint32_t id);
  void ReadWakes();
  void BeforePoll();
  void AfterPoll();
  void DrainBeforePoll();
  bool FindsWork(SpinPolicy* policy, std::uint64_t nanoseconds);
  void YieldWhileLooking();
  void LookOn(std::uint32_t processor);
  void GiveWay() const;
  void Drain();
  void Serve(std::uint32_t id);
  std::uint32_t ReadFrames(Endpoint* endpoint);
  void Notify(LinkEvent event, std::uint32_t id, std::uint32_t a, std::uint32_t b = 0);
  void OnHandleClosed();

  napi_env env_;
  Environment* environment_;
  LinkNotifier notifier_;
  uv_loop_t* loop_ = nullptr;
  uv_prepare_t prepare_;
  uv_check_t check_;
  /** Runs while the next poll must not block. */
  uv_idle_t idle_;
  int open_handles_ = 0;
  napi_async_cleanup_hook_handle cleanup_ = nullptr;
  /** By id, which is never used again. */
  std::vector<Endpoint*> endpoints_{nullptr};
  /** Ids of those that are links. */
  std::vector<std::uint32_t> links_;
  std::vector<std::uint32_t> served_;
  std::uint64_t spin_nanoseconds_ = 0;
  SpinPolicy message_spin_;
  SpinPolicy reply_spin_;
  SpinPolicy drain_spin_;
  bool again_ = false;
  bool hot_ = false;
  bool drained_ = false;
  /** The endpoint whose peer was woken last, if nothing has come from it since. */
  std::uint32_t awaited_ = 0;
  bool has_rung_ = false;
  /** Where the peers were told that this side looks for frames. */
  std::uint32_t looks_on_ = 0;
  const bool has_other_cores_ = uv_available_parallelism() > 1;
  bool parked_ = false;
  bool stopped_ = false;
};

}  // namespace nexus::napi
