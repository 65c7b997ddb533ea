// How a hub of links tells JavaScript what has happened: the function that is called, and the memory that it shares with it. What happened, and the frames that came, are written there before the
// call, which has no arguments: each value that is made for a call, and each call into Node-API, costs a process that has just been woken more than the words do. Used by link_hub.cc.
#pragma once
#include <node_api.h>

#include <cstddef>
#include <cstdint>

namespace nexus::napi {

/** What the callback of a hub is told, with the id of an endpoint and up to two numbers. bindings/process-links.ts has the same list. */
enum class LinkEvent : std::uint32_t {
  /** a: the endpoint of whoever has connected. */
  kAccepted = 0,
  /** a: bytes of the handshake message in the buffer. b: 1 if memory came with it. */
  kMessage = 1,
  /** a: frames in the table: lane, offset in the buffer, bytes of each. */
  kFrames = 2,
  /** a: lanes that there may be room on again, as bits. */
  kRoom = 3,
  /** a: a lane on which nothing more comes. */
  kLaneEnded = 4,
  /** a: 0 at the end of the peer; errno; EPROTO if the peer has written what no peer writes; ECANCELED if it has ended the link. The endpoint is gone. */
  kClosed = 5,
};

inline constexpr std::size_t kLinkBufferBytes = 524288;
inline constexpr std::size_t kLinkFramesMax = 2048;
/** Before the rows of the table: event, id, a, b. */
inline constexpr std::size_t kLinkEventWords = 4;
inline constexpr std::size_t kLinkTableBytes = (kLinkEventWords + kLinkFramesMax * 3) * sizeof(std::uint32_t);

class LinkNotifier {
 public:
  explicit LinkNotifier(napi_env env) : env_(env) {}
  /** @param buffer of kLinkBufferBytes @param table of kLinkTableBytes. Both stay where they are until `Release`. */
  bool Hold(napi_value notify, napi_value buffer, napi_value table);
  void Release();
  /** Returns when JavaScript does, and what it has queued was done: the hub may have been stopped by it. */
  void Tell(LinkEvent event, std::uint32_t id, std::uint32_t a, std::uint32_t b);

  std::uint8_t* Buffer() const { return buffer_bytes_; }
  /** Of a frame: lane, offset in the buffer, bytes. */
  std::uint32_t* Row(std::size_t frame) const { return table_words_ + kLinkEventWords + frame * 3; }

 private:
  napi_env env_;
  napi_ref notify_ = nullptr;
  napi_ref buffer_ = nullptr;
  napi_ref table_ = nullptr;
  napi_async_context context_ = nullptr;
  std::uint8_t* buffer_bytes_ = nullptr;
  std::uint32_t* table_words_ = nullptr;
};

}  // namespace nexus::napi
