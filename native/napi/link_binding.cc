#include "link_binding.hpp"

#include "arguments.hpp"
#include "environment.hpp"

#if defined(__linux__)

#include <errno.h>

#include "link_hub.hpp"

namespace nexus::napi {

namespace {

/** Reads `count` arguments, of which the first is a hub. Null, with whatever there is to throw thrown, if it is closed or no number. */
LinkHub* ReadHub(napi_env env, napi_callback_info info, napi_value* values, std::size_t count) {
  std::uint32_t handle = 0;
  if (!ReadArguments(env, info, values, count)) return nullptr;
  Environment* environment = Environment::Of(env);
  return environment != nullptr && ReadUint32(env, values[0], &handle) ? environment->HubOf(handle) : nullptr;
}

struct Bytes {
  std::uint8_t* start = nullptr;
  std::size_t length = 0;
};

bool Read(napi_env env, napi_value value, Bytes* bytes) { return ReadBytes(env, value, &bytes->start, &bytes->length); }

}  // namespace

napi_value LinksOpen(napi_env env, napi_callback_info info) {
  napi_value values[4];
  double spin_microseconds = 0;
  if (!ReadArguments(env, info, values, 4)) return nullptr;
  if (!IsType(env, values[0], napi_function)) return WrongArguments(env, "linksOpen: notify is not a function");
  if (!ReadDouble(env, values[3], &spin_microseconds)) return WrongArguments(env, "linksOpen: spinMicroseconds is not a number");
  Environment* environment = Environment::Of(env);
  if (environment == nullptr) return nullptr;
  LinkHub* hub = LinkHub::Start(env, environment, values[0], values[1], values[2], spin_microseconds);
  return MakeNumber(env, hub == nullptr ? 0 : environment->Add(hub));
}

napi_value LinksClose(napi_env env, napi_callback_info info) {
  napi_value values[1];
  if (LinkHub* hub = ReadHub(env, info, values, 1)) hub->Stop();
  return nullptr;
}

napi_value LinksListen(napi_env env, napi_callback_info info) {
  napi_value values[2];
  Bytes name;
  LinkHub* hub = ReadHub(env, info, values, 2);
  return MakeInt32(env, hub != nullptr && Read(env, values[1], &name) ? hub->Listen(name.start, name.length) : -EBADF);
}

napi_value LinksConnect(napi_env env, napi_callback_info info) {
  napi_value values[2];
  Bytes name;
  LinkHub* hub = ReadHub(env, info, values, 2);
  return MakeInt32(env, hub != nullptr && Read(env, values[1], &name) ? hub->Connect(name.start, name.length) : -EBADF);
}

napi_value LinkSend(napi_env env, napi_callback_info info) {
  napi_value values[3];
  std::uint32_t id = 0;
  Bytes bytes;
  LinkHub* hub = ReadHub(env, info, values, 3);
  const bool is_call = hub != nullptr && ReadUint32(env, values[1], &id) && Read(env, values[2], &bytes);
  return MakeInt32(env, is_call ? hub->Send(id, bytes.start, bytes.length) : -EBADF);
}

napi_value LinkOffer(napi_env env, napi_callback_info info) {
  napi_value values[4];
  std::uint32_t id = 0;
  std::uint32_t ring_bytes = 0;
  Bytes bytes;
  LinkHub* hub = ReadHub(env, info, values, 4);
  const bool is_call = hub != nullptr && ReadUint32(env, values[1], &id) && ReadUint32(env, values[2], &ring_bytes) && Read(env, values[3], &bytes);
  return MakeInt32(env, is_call ? hub->Offer(id, ring_bytes, bytes.start, bytes.length) : -EBADF);
}

napi_value LinkAccept(napi_env env, napi_callback_info info) {
  napi_value values[2];
  std::uint32_t id = 0;
  LinkHub* hub = ReadHub(env, info, values, 2);
  return MakeInt32(env, hub != nullptr && ReadUint32(env, values[1], &id) ? hub->Accept(id) : -EBADF);
}

napi_value LinkWrite(napi_env env, napi_callback_info info) {
  napi_value values[3];
  std::uint32_t place = 0;
  Bytes bytes;
  LinkHub* hub = ReadHub(env, info, values, 3);
  if (hub == nullptr || !ReadUint32(env, values[1], &place) || !Read(env, values[2], &bytes)) return MakeInt32(env, -1);
  return MakeInt32(env, hub->Write(place >> 3, (place >> 1) & 3, bytes.start, bytes.length, (place & 1) != 0));
}

napi_value LinkFinishLane(napi_env env, napi_callback_info info) {
  napi_value values[3];
  std::uint32_t id = 0;
  std::uint32_t lane = 0;
  LinkHub* hub = ReadHub(env, info, values, 3);
  if (hub != nullptr && ReadUint32(env, values[1], &id) && ReadUint32(env, values[2], &lane)) hub->FinishLane(id, lane);
  return nullptr;
}

napi_value LinkEndEndpoint(napi_env env, napi_callback_info info) {
  napi_value values[2];
  std::uint32_t id = 0;
  LinkHub* hub = ReadHub(env, info, values, 2);
  if (hub != nullptr && ReadUint32(env, values[1], &id)) hub->End(id);
  return nullptr;
}

}  // namespace nexus::napi

#else

namespace nexus::napi {

napi_value LinksOpen(napi_env env, napi_callback_info) { return MakeNumber(env, 0); }
napi_value LinksClose(napi_env, napi_callback_info) { return nullptr; }
napi_value LinksListen(napi_env env, napi_callback_info) { return MakeInt32(env, -1); }
napi_value LinksConnect(napi_env env, napi_callback_info) { return MakeInt32(env, -1); }
napi_value LinkSend(napi_env env, napi_callback_info) { return MakeInt32(env, -1); }
napi_value LinkOffer(napi_env env, napi_callback_info) { return MakeInt32(env, -1); }
napi_value LinkAccept(napi_env env, napi_callback_info) { return MakeInt32(env, -1); }
napi_value LinkWrite(napi_env env, napi_callback_info) { return MakeInt32(env, -1); }
napi_value LinkFinishLane(napi_env, napi_callback_info) { return nullptr; }
napi_value LinkEndEndpoint(napi_env, napi_callback_info) { return nullptr; }

}  // namespace nexus::napi

#endif
