// The functions of the addon about links to other processes of the machine. Where the system has no such thing `linksOpen` returns 0, and the others do nothing.
#pragma once
#include <node_api.h>

namespace nexus::napi {

/** linksOpen(notify: (event, id, a, b) => void, buffer: Uint8Array, table: Uint8Array, spinMicroseconds: number): number */
napi_value LinksOpen(napi_env env, napi_callback_info info);
/** linksClose(hub: number): void */
napi_value LinksClose(napi_env env, napi_callback_info info);
/** linksListen(hub: number, name: Uint8Array): number. An id, or -errno; likewise the next. */
napi_value LinksListen(napi_env env, napi_callback_info info);
napi_value LinksConnect(napi_env env, napi_callback_info info);
/** linkSend(hub: number, id: number, bytes: Uint8Array): number. 0 or -errno; likewise the next two. */
napi_value LinkSend(napi_env env, napi_callback_info info);
/** linkOffer(hub: number, id: number, ringBytes: number, bytes: Uint8Array): number */
napi_value LinkOffer(napi_env env, napi_callback_info info);
/** linkAccept(hub: number, id: number): number */
napi_value LinkAccept(napi_env env, napi_callback_info info);
/** linkWrite(hub: number, id: number, lane: number, bytes: Uint8Array, moreFollows: boolean): number. 1, 0 if it is full, -1 if it has ended. */
napi_value LinkWrite(napi_env env, napi_callback_info info);
/** linkFinishLane(hub: number, id: number, lane: number): void */
napi_value LinkFinishLane(napi_env env, napi_callback_info info);
/** linkEnd(hub: number, id: number): void */
napi_value LinkEndEndpoint(napi_env env, napi_callback_info info);

}  // namespace nexus::napi
