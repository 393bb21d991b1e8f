#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace kr::bench {

// The objects of a made-up cluster, the same for the same seed, each independent of the others.
//
// kUniform: pods as load generators make them, all alike (about 7.2 KB as a server sends them).
// kRealistic: five pods to each owner, owners that differ in images, sidecars, resources and
// labels, some pods unready or restarted (about 8.1 KB).
enum class DataSet { kUniform, kRealistic };

class ClusterData {
 public:
  struct Options {
    DataSet set = DataSet::kRealistic;
    int nodes = 1'000;
    int pods = 30'000;
    uint64_t seed = 1;
  };

  explicit ClusterData(Options options) : options_(options) {}

  // Those that the pods live in, to be created before them.
  std::vector<std::string> Namespaces() const;

  // As somebody would create them: no uid, resourceVersion, managedFields. The status is there, to
  // be written through the subresource. The owners do not exist: load pods only where no garbage
  // collector runs.
  nlohmann::ordered_json Pod(int index) const;
  nlohmann::ordered_json Node(int index) const;

  // As a server returns them, managedFields included (which make a quarter of the text).
  nlohmann::ordered_json ServedPod(int index) const;
  nlohmann::ordered_json ServedNode(int index) const;

  const Options& options() const { return options_; }

 private:
  nlohmann::ordered_json Served(nlohmann::ordered_json object, uint64_t kind, int index,
                                std::string_view writer) const;
  Options options_;
};

// One line of a watch, without the newline.
std::string WatchLine(const nlohmann::ordered_json& object, std::string_view type = "ADDED");

// A page of a list. Its items lack apiVersion and kind, as those of a server do.
std::string ListPage(const std::vector<nlohmann::ordered_json>& items,
                     std::string_view resource_version, std::string_view continue_token);

}  // namespace kr::bench
