#include "reconcilers/agent/task_marker.h"

#include <nlohmann/json.hpp>

#include "crds/v1alpha1/node_codec.h"

namespace kr::agent {
namespace {

constexpr size_t kMaxMarker = 1024 * 1024;

std::string TextOf(const TaskMarker& marker) {
  const nlohmann::json json = {{"bootID", marker.boot_id}, {"status", crds::ToJson(marker.status)}};
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace

std::optional<TaskMarker> TaskMarkers::Find(const std::string& task) const {
  const StatusOr<std::string> text = files_.Read(PathOf(task), kMaxMarker);
  if (absl::IsNotFound(text.status())) return std::nullopt;
  TaskMarker marker{.status = {.phase = crds::TaskPhase::kRunning}};
  if (!text.ok()) return marker;
  const nlohmann::json json = nlohmann::json::parse(*text, nullptr, false);
  if (!json.is_object() || !json.contains("status")) return marker;
  if (json.contains("bootID") && json["bootID"].is_string()) marker.boot_id = json["bootID"];
  const auto status = crds::FromJson<crds::NodeTaskStatus>(json["status"]);
  if (status.ok() && status->phase) marker.status = *status;
  return marker;
}

Status TaskMarkers::Begin(const std::string& task, const TaskMarker& marker) const {
  return files_.WriteDurably(PathOf(task), TextOf(marker), /*fresh=*/true);
}

Status TaskMarkers::Update(const std::string& task, const TaskMarker& marker) const {
  return files_.WriteDurably(PathOf(task), TextOf(marker), /*fresh=*/false);
}

}  // namespace kr::agent
