{
  "targets": [
    {
      "target_name": "nexus",
      "sources": [
        "native/napi/addon.cc",
        "native/napi/arguments.cc",
        "native/napi/crash_handler.cc",
        "native/napi/environment.cc",
        "native/napi/huge_pages.cc",
        "native/napi/link_binding.cc",
        "native/napi/link_hub.cc",
        "native/napi/link_notifier.cc",
        "native/napi/link_socket.cc",
        "native/napi/placement_binding.cc",
        "native/napi/table_batches.cc",
        "native/napi/table_binding.cc",
        "native/napi/table_snapshots.cc",
        "native/napi/waiter.cc",
        "native/napi/waiter_binding.cc",
        "native/napi/waiter_registry.cc"
      ],
      "include_dirs": ["layout/generated", "native/include", "numa/include"],
      "defines": ["NAPI_VERSION=8"],
      "cflags": ["-O3", "-Wall", "-Wextra", "-Wno-unused-parameter"],
      "cflags_cc": ["-std=c++17", "-fno-exceptions", "-fno-rtti", "-fvisibility=hidden"],
      "cflags_cc!": ["-std=gnu++17", "-std=gnu++20", "-fexceptions", "-frtti"],
      "conditions": [
        # The binary stays mapped when the last environment that loaded it ends: other threads may be inside a wake-up.
        ["OS=='linux'", { "ldflags": ["-Wl,-z,nodelete"] }],
        ["OS=='mac'", {
          "xcode_settings": {
            "CLANG_CXX_LANGUAGE_STANDARD": "c++17",
            "GCC_OPTIMIZATION_LEVEL": "3",
            "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
            "MACOSX_DEPLOYMENT_TARGET": "11.0"
          }
        }],
        ["OS=='win'", { "msvs_settings": { "VCCLCompilerTool": { "AdditionalOptions": ["/std:c++17"] } } }]
      ]
    }
  ]
}
