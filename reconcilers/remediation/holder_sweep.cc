#include "reconcilers/remediation/holder_sweep.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "controller/base/log.h"
#include "controller/kube/request.h"
#include "reconcilers/actions/action.h"
#include "reconcilers/actions/change.h"
#include "reconcilers/actions/holders.h"
#include "reconcilers/node/resources.h"

namespace kr::remediation {

using nlohmann::json;

namespace {

// The metadata of a Node takes 40 KB as a document, so neither all of them at once nor what takes
// most of that, which a list need not say: an operator that watches little takes 3 MB.
kube::HttpRequest PageOfNodes(const std::string& continue_token) {
  return kube::ListObjects(node::NodeResource(),
                           {.limit = 100, .continue_token = continue_token, .metadata_only = true});
}

json ParsePage(const std::string& body) {
  const auto wanted = [](int, json::parse_event_t event, const json& parsed) {
    return event != json::parse_event_t::key || parsed != "managedFields";
  };
  return json::parse(body, wanted, /*allow_exceptions=*/false);
}

}  // namespace

HolderSweep::HolderSweep(const Options& options, runtime::Engine& engine, runtime::ApiSender& api,
                         Exists exists)
    : options_(options),
      engine_(engine),
      api_(api),
      exists_(std::move(exists)),
      self_(std::make_shared<HolderSweep*>(this)) {}

void HolderSweep::Start() {
  List(++round_);
}

void HolderSweep::List(int64_t round) {
  api_.Send(PageOfNodes(""), [weak = std::weak_ptr(self_), round](StatusOr<kube::Reply> reply) {
    if (auto self = weak.lock()) (*self)->OnList(round, std::move(reply));
  });
}

void HolderSweep::OnList(int64_t round, StatusOr<kube::Reply> reply) {
  if (round != round_) return;
  if (!reply.ok()) {
    // Whoever may not list nodes has no policy that holds one.
    if (!absl::IsPermissionDenied(reply.status())) Again(round, "");
    return;
  }
  const json list = ParsePage(reply->body);
  if (!list.is_object()) return;
  for (const json& node : list.value("items", json::array())) {
    if (actions::OrphansPatch(node, exists_).is_null()) continue;
    Mend(round, actions::FindText(node, {"metadata", "name"}));
  }
  const std::string more = actions::FindText(list, {"metadata", "continue"});
  if (more.empty()) return;
  api_.Send(PageOfNodes(more), [weak = std::weak_ptr(self_), round](StatusOr<kube::Reply> next) {
    if (auto self = weak.lock()) (*self)->OnList(round, std::move(next));
  });
}

// The list has not what says whose a field is.
void HolderSweep::Mend(int64_t round, const std::string& node) {
  api_.Send(kube::GetObject(node::NodeResource(), {"", node}),
            [weak = std::weak_ptr(self_), round, node](StatusOr<kube::Reply> reply) {
              if (auto self = weak.lock()) (*self)->OnNode(round, node, std::move(reply));
            });
}

void HolderSweep::OnNode(int64_t round, const std::string& node, StatusOr<kube::Reply> reply) {
  if (round != round_ || absl::IsNotFound(reply.status())) return;
  if (!reply.ok()) return Again(round, node);
  const json live = json::parse(reply->body, nullptr, /*allow_exceptions=*/false);
  json patch = actions::OrphansPatch(live, exists_);
  if (patch.is_null()) return;
  patch["metadata"]["uid"] = actions::FindText(live, {"metadata", "uid"});
  patch["metadata"]["resourceVersion"] = actions::FindText(live, {"metadata", "resourceVersion"});
  kube::HttpRequest request = kube::PatchObject(
      node::NodeResource(), {"", node}, "", kube::PatchType::kMerge, patch,
      {.field_manager = actions::kFieldManager, .server_timeout = options_.write_timeout});
  request.timeout = options_.write_timeout;
  api_.Send(std::move(request),
            [weak = std::weak_ptr(self_), round, node](StatusOr<kube::Reply> answer) {
              auto self = weak.lock();
              if (!self || round != (*self)->round_ || absl::IsNotFound(answer.status())) return;
              // Whatever became of it shows in the node.
              if (!answer.ok()) return (*self)->Again(round, node);
              log::Warning("Gave a node back that was held for remediations which are gone",
                           {{"node", node}});
            },
            {.permit = runtime::PermitNeed::kWrite});
}

void HolderSweep::Again(int64_t round, const std::string& node) {
  engine_.After(options_.retry, [weak = std::weak_ptr(self_), round, node] {
    auto self = weak.lock();
    if (!self || round != (*self)->round_) return;
    if (node.empty()) return (*self)->List(round);
    (*self)->Mend(round, node);
  });
}

}  // namespace kr::remediation
