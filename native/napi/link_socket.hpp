// The system calls of a link between two processes of one machine: a socket with a name that is in no directory (it ends with its last holder, and leaves nothing behind), who is at the other end,
// and memory without a file, handed over on the socket. No libuv, no Node-API: link_hub.cc decides when. Functions return 0, or what they are asked for, or -errno. Linux only.
#pragma once
#include <cstddef>
#include <cstdint>

namespace nexus::napi {

/** Handshake messages are no longer than that. */
inline constexpr std::size_t kLinkMessageBytesMax = 512;

/** A file descriptor, closed once. */
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { Close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor(Descriptor&& other) noexcept : fd_(other.Release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) Reset(other.Release());
    return *this;
  }
  int Get() const { return fd_; }
  bool IsOpen() const { return fd_ >= 0; }
  void Reset(int fd) {
    Close();
    fd_ = fd;
  }
  void Close();
  int Release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }

 private:
  int fd_ = -1;
};

/** Memory that two processes share, for as long as this object lives. */
class SharedMapping {
 public:
  SharedMapping() = default;
  ~SharedMapping() { Unmap(); }
  SharedMapping(const SharedMapping&) = delete;
  SharedMapping& operator=(const SharedMapping&) = delete;
  std::uint8_t* Base() const { return base_; }
  bool IsMapped() const { return base_ != nullptr; }
  /** Makes `bytes` of it, whose size nobody can change any more; `*memory` is what is to be handed over. */
  int Create(std::size_t bytes, Descriptor* memory);
  /** Maps what was handed over, if it is memory whose size nobody can change. */
  int Map(const Descriptor& memory, std::size_t* bytes);
  void Unmap();

 private:
  int MapFile(int fd, std::size_t bytes);
  std::uint8_t* base_ = nullptr;
  std::size_t bytes_ = 0;
};

/** What came on a socket. `memory` is open if a descriptor came with it; more than one are closed. */
struct ReceivedMessage {
  std::uint8_t bytes[kLinkMessageBytesMax];
  std::size_t length = 0;
  Descriptor memory;
};

int ListenOnName(const std::uint8_t* name, std::size_t length, Descriptor* socket);
int ConnectToName(const std::uint8_t* name, std::size_t length, Descriptor* socket);
/** -EAGAIN if nobody waits. */
int AcceptSocket(const Descriptor& listener, Descriptor* socket);
/** 1 if the process at the other end ran as the user of this one when it connected or listened, else 0. */
int IsSameUser(const Descriptor& socket);
/** Never waits: -EAGAIN if there is no room. */
int SendMessage(const Descriptor& socket, const std::uint8_t* bytes, std::size_t length, const Descriptor* memory);
/** A message of which nothing matters but that it comes. Never waits: -EAGAIN if there is no room. */
int SendWake(const Descriptor& socket);
/** Takes one message, whatever is in it: 1, 0 at the end of the peer, -EAGAIN if there is nothing. */
int ReceiveWake(const Descriptor& socket);
/** 1 with a message, 0 at the end of the peer, -EAGAIN if there is nothing; -EPROTO for what is too long. */
int ReceiveMessage(const Descriptor& socket, ReceivedMessage* message);

}  // namespace nexus::napi
