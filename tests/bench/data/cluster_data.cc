#include "tests/bench/data/cluster_data.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "absl/time/time.h"
#include "tests/bench/data/dice.h"
#include "tests/bench/data/managed_fields.h"

namespace kr::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kServedKind = 100;  // added to the kind: other dice than the object's own

}  // namespace

std::string TimeAt(int64_t seconds) {
  const absl::Time start = absl::FromCivil(absl::CivilDay(2026, 3, 1), absl::UTCTimeZone());
  return absl::FormatTime("%Y-%m-%d%ET%H:%M:%SZ", start + absl::Seconds(seconds),
                          absl::UTCTimeZone());
}

Json ClusterData::Served(Json object, uint64_t kind, int index, std::string_view writer) const {
  Dice dice(options_.seed, kServedKind + kind, static_cast<uint64_t>(index));
  Json& metadata = object["metadata"];
  const std::string created = TimeAt(dice.Below(2'000'000));
  metadata["uid"] = dice.Uid();
  metadata["resourceVersion"] = std::to_string(1'000'000 + dice.Below(9'000'000));
  metadata["creationTimestamp"] = created;
  metadata["managedFields"] = ManagedFields(object, writer, created, TimeAt(2'100'000));
  return object;
}

Json ClusterData::ServedPod(int index) const {
  return Served(Pod(index), 0, index, "kube-controller-manager");
}

Json ClusterData::ServedNode(int index) const {
  return Served(Node(index), 1, index, "kubelet");
}

std::string WatchLine(const Json& object, std::string_view type) {
  return "{\"type\":\"" + std::string(type) + "\",\"object\":" + object.dump() + "}";
}

std::string ListPage(const std::vector<Json>& items, std::string_view resource_version,
                     std::string_view continue_token) {
  const std::string kind = items.empty() ? "" : items[0]["kind"].get<std::string>();
  Json page = {{"kind", kind + "List"},
               {"apiVersion", "v1"},
               {"metadata", {{"resourceVersion", resource_version}}},
               {"items", Json::array()}};
  if (!continue_token.empty()) page["metadata"]["continue"] = continue_token;
  for (Json item : items) {
    item.erase("apiVersion");
    item.erase("kind");
    page["items"].push_back(std::move(item));
  }
  return page.dump();
}

}  // namespace kr::bench
