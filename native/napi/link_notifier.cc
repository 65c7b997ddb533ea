#include "link_notifier.hpp"

#include <initializer_list>

#include "arguments.hpp"

namespace nexus::napi {

bool LinkNotifier::Hold(napi_value notify, napi_value buffer, napi_value table) {
  std::size_t buffer_bytes = 0;
  std::size_t table_bytes = 0;
  std::uint8_t* table_start = nullptr;
  if (!ReadBytes(env_, buffer, &buffer_bytes_, &buffer_bytes) || buffer_bytes < kLinkBufferBytes) return false;
  if (!ReadBytes(env_, table, &table_start, &table_bytes) || table_bytes < kLinkTableBytes) return false;
  table_words_ = reinterpret_cast<std::uint32_t*>(table_start);
  napi_value name = nullptr;
  return Ok(napi_create_reference(env_, notify, 1, &notify_)) && Ok(napi_create_reference(env_, buffer, 1, &buffer_)) && Ok(napi_create_reference(env_, table, 1, &table_)) &&
         Ok(napi_create_string_utf8(env_, "NexusLinks", NAPI_AUTO_LENGTH, &name)) && Ok(napi_async_init(env_, nullptr, name, &context_));
}

void LinkNotifier::Release() {
  // Statuses do not matter here: what cannot be deleted goes with the environment.
  if (context_ != nullptr) napi_async_destroy(env_, context_);
  for (napi_ref* each : {&notify_, &buffer_, &table_}) {
    if (*each != nullptr) napi_delete_reference(env_, *each);
    *each = nullptr;
  }
  context_ = nullptr;
}

void LinkNotifier::Tell(LinkEvent event, std::uint32_t id, std::uint32_t a, std::uint32_t b) {
  table_words_[0] = static_cast<std::uint32_t>(event);
  table_words_[1] = id;
  table_words_[2] = a;
  table_words_[3] = b;
  napi_handle_scope scope;
  if (!Ok(napi_open_handle_scope(env_, &scope))) return;
  napi_value notify = nullptr;
  napi_value result = nullptr;
  // Runs process.nextTick callbacks and microtasks when the function returns. The function may end endpoints, and the hub. Its `this` is whatever is at hand.
  if (Ok(napi_get_reference_value(env_, notify_, &notify)) && notify != nullptr && !Ok(napi_make_callback(env_, context_, notify, notify, 0, nullptr, &result))) {
    bool is_pending = false;
    napi_value error = nullptr;
    // What it throws is an uncaught exception of this thread. If the thread is being terminated there is nothing to report.
    if (Ok(napi_is_exception_pending(env_, &is_pending)) && is_pending && Ok(napi_get_and_clear_last_exception(env_, &error))) napi_fatal_exception(env_, error);
  }
  napi_close_handle_scope(env_, scope);
}

}  // namespace nexus::napi
