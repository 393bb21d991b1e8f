#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "controller/document/path.h"

namespace kr::testing {

// Random JSON and random paths over few keys, so that they meet. The same seed, the same values.
class RandomJson {
 public:
  explicit RandomJson(uint64_t seed) : engine_(seed) {}

  // An object that looks like one of the API: it has metadata, mostly with an identity.
  nlohmann::json Object() {
    nlohmann::json object = Map(4);
    if (!object.contains("metadata") || !object["metadata"].is_object()) {
      object["metadata"] = nlohmann::json::object();
    }
    nlohmann::json& metadata = object["metadata"];
    for (const char* field : {"name", "namespace", "uid", "resourceVersion"}) {
      if (Below(4) > 0) metadata[field] = Text();
    }
    if (Below(2) == 0) metadata["managedFields"] = Value(2);
    return object;
  }

  nlohmann::json Value(int depth) {
    switch (Below(depth > 0 ? 9 : 7)) {
      case 0:
        return nullptr;
      case 1:
        return Below(2) == 0;
      case 2:
        return static_cast<int64_t>(engine_()) >> Below(64);
      case 3:
        return static_cast<double>(static_cast<int64_t>(engine_())) / 1024;
      case 4:
      case 5:
        return Text();
      case 6:
        return Below(2) == 0 ? nlohmann::json::array() : nlohmann::json::object();
      case 7: {
        nlohmann::json list = nlohmann::json::array();
        for (uint64_t i = Below(4); i > 0; --i) list.push_back(Value(depth - 1));
        return list;
      }
      default:
        return Map(depth - 1);
    }
  }

  document::Path Path() {
    document::Path path;
    for (uint64_t i = Below(5); i > 0; --i) {
      path.steps.push_back(Below(4) == 0 ? document::Step::Each() : document::Step::Field(Key()));
    }
    if (Below(4) == 0) path.depth = document::Depth::kPresence;
    return path;
  }

  uint64_t Below(uint64_t limit) { return engine_() % limit; }

 private:
  std::string Key() {
    static constexpr std::string_view kKeys[] = {"a",    "b",      "spec",   "metadata",
                                                 "name", "labels", "x.y/z'", "managedFields"};
    return std::string(kKeys[Below(std::size(kKeys))]);
  }

  nlohmann::json Map(int depth) {
    nlohmann::json map = nlohmann::json::object();
    for (uint64_t i = Below(5); i > 0; --i) map[Key()] = Value(depth);
    return map;
  }

  std::string Text() {
    switch (Below(7)) {
      case 0:
        return "";
      case 5: {
        std::string id = "containerd://";
        for (uint64_t i = 28 + Below(40); i > 0; --i)
          id += Below(100) > 0 ? "0123456789abcdef"[Below(16)] : 'g';
        return id;
      }
      case 1:
        return std::to_string(Below(100'000));
      case 2:
        return "2026-0" + std::to_string(1 + Below(9)) + "-02T03:04:05Z";
      case 3:
        return "2026-01-02T03:04:05." + std::to_string(100'000 + Below(900'000)) + "Z";
      case 4:
        return std::string(Below(600), static_cast<char>('a' + Below(26)));
      default:
        return std::string("Grüße\0\n\"\\", 11).substr(0, Below(3) * 4);
    }
  }

  std::mt19937_64 engine_;
};

}  // namespace kr::testing
