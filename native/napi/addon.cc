// The addon: names to functions. `bindings/native-engine.ts` is the only caller and declares their types.
#include <node_api.h>

#include "arguments.hpp"
#include "crash_handler.hpp"
#include "environment.hpp"
#include "huge_pages.hpp"
#include "link_binding.hpp"
#include "placement_binding.hpp"
#include "table_binding.hpp"
#include "waiter_binding.hpp"

namespace nexus::napi {

namespace {

struct Export {
  const char* name;
  napi_callback function;
};

constexpr Export kExports[] = {
    {"attach", Attach},
    {"detach", Detach},
    {"setSpin", SetSpin},
    {"watchSockets", WatchSockets},
    {"wake", Wake},
    {"rouse", Rouse},
    {"adviseHugePages", AdviseHugePages},
    {"crashArm", CrashArm},
    {"crashDisarm", CrashDisarm},
    {"crashThread", CrashThread},
    {"linksOpen", LinksOpen},
    {"linksClose", LinksClose},
    {"linksListen", LinksListen},
    {"linksConnect", LinksConnect},
    {"linkSend", LinkSend},
    {"linkOffer", LinkOffer},
    {"linkAccept", LinkAccept},
    {"linkWrite", LinkWrite},
    {"linkFinishLane", LinkFinishLane},
    {"linkEnd", LinkEndEndpoint},
    {"pinThread", PinThread},
    {"currentCpu", CurrentCpu},
    {"bindMemory", BindMemory},
    {"interleaveMemory", InterleaveMemory},
    {"memoryNodeOf", MemoryNodeOf},
    {"numaProvider", NumaProvider},
    {"tableOpen", TableOpen},
    {"tableClose", TableClose},
    {"tableFind", TableFind},
    {"tableFindMany", TableFindMany},
    {"tableInsertMany", TableInsertMany},
    {"tableInsert", TableInsert},
    {"tableRemove", TableRemove},
    {"tableRehome", TableRehome},
    {"tableRemoveMany", TableRemoveMany},
    {"tableGenerationOf", TableGenerationOf},
    {"tableThreadOf", TableThreadOf},
    {"tableKindOf", TableKindOf},
    {"tableParentOf", TableParentOf},
    {"tableKeyOf", TableKeyOf},
    {"tablePayloadOf", TablePayloadOf},
    {"tableEntries", TableEntries},
    {"tableInherit", TableInherit},
    {"tableStatistics", TableStatistics},
};

napi_value Initialize(napi_env env, napi_value exports) {
  if (!Environment::Create(env)) return nullptr;
  // The loader refuses a binary that was built for another layout.
  napi_value version = MakeNumber(env, layout::kVersion);
  if (version == nullptr || !Ok(napi_set_named_property(env, exports, "layoutVersion", version))) return nullptr;
  for (const Export& each : kExports) {
    napi_value function = nullptr;
    if (!Ok(napi_create_function(env, each.name, NAPI_AUTO_LENGTH, each.function, nullptr, &function))) return nullptr;
    if (!Ok(napi_set_named_property(env, exports, each.name, function))) return nullptr;
  }
  return exports;
}

}  // namespace

}  // namespace nexus::napi

NAPI_MODULE_INIT() { return nexus::napi::Initialize(env, exports); }
